"""The error of an autoencoder, relative to that of good images."""

from __future__ import annotations

import torch

from denoiser.networks.anomaly import PatchAutoencoder
from denoiser.workbench.anomaly.pixels import reduced
from denoiser.workbench.anomaly.reconstruction import ReconstructionScorer, complexity, error
from denoiser.workbench.anomaly.scorer import Fitting


def test_complexity_is_higher_where_the_image_is_busier() -> None:
    image = torch.full((3, 32, 32), 0.5)
    image[:, :, 16:] += 0.3 * torch.randn(32, 16, generator=torch.Generator().manual_seed(0))
    values = complexity(image)
    assert values.shape == (8, 8)
    assert values[:, 6:].min() > 30 * values[:, :2].max()


def test_the_expected_error_depends_on_the_complexity() -> None:
    scorer = ReconstructionScorer(
        PatchAutoencoder((32, 48, 64, 96), 16), torch.tensor([0.0, 2.0]), torch.tensor([1.0, 5.0])
    )
    expected = scorer._expected_at(torch.tensor([-9.0, 0.0, 1.0, 2.0, 9.0]))
    torch.testing.assert_close(expected, torch.tensor([1.0, 1.0, 3.0, 5.0, 5.0]))


def test_training_reduces_the_error_and_defects_stand_out(cloth) -> None:
    def images(count: int, seed: int) -> list[torch.Tensor]:
        return [reduced(torch.from_numpy(image).permute(2, 0, 1), 64) for image in cloth(count, seed=seed)]

    good, new = images(12, seed=0), images(6, seed=1)
    first, later = (ReconstructionScorer.fit(good, new, Fitting(steps=steps)) for steps in (1, 120))
    errors = [sum(float(error(one._network, image).mean()) for image in new) for one in (first, later)]
    assert errors[1] < errors[0] / 2
    ratios = [later.raw_map(image).mean() for image in new]
    assert 0.5 < torch.stack(ratios).mean() < 2, "good images have about the expected error"
    for image in new:
        torn = image.clone()
        torn[:, 24:36, 20:32] = 0.0
        assert later.map(torn)[6:9, 5:8].mean() > 1.5 * later.map(image)[6:9, 5:8].mean()
