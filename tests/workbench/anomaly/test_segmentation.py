"""The head that is trained on self-made defects."""

from __future__ import annotations

import torch

from denoiser.workbench.anomaly.pixels import reduced, torch_seed
from denoiser.workbench.anomaly.scorer import Fitting
from denoiser.workbench.anomaly.segmentation import DefectSource, SegmentationScorer


def _images(cloth, count: int, **words) -> list[torch.Tensor]:
    return [reduced(torch.from_numpy(image).permute(2, 0, 1), 64) for image in cloth(count, **words)]


def test_samples_are_defective_where_the_target_shows_it_and_some_are_clean(cloth) -> None:
    source = DefectSource(_images(cloth, 4, seed=0))
    batch = source.draw(32, 48, torch_seed(0))
    assert batch.input.shape == (32, 3, 48, 48) and batch.target.shape == (32, 1, 48, 48)
    clean = (batch.target.amax(dim=(1, 2, 3)) == 0).sum()
    assert 0 < clean < 16
    again = source.draw(32, 48, torch_seed(0))
    assert torch.equal(batch.input, again.input)


def test_the_head_learns_to_mark_defects(cloth) -> None:
    good, new = _images(cloth, 12, seed=0), _images(cloth, 6, seed=1)
    spotted = _images(cloth, 6, seed=1, defect=True)
    scorer = SegmentationScorer.fit(good, new, Fitting(steps=60))
    gains = []
    for before, after in zip(new, spotted, strict=True):
        place = (after - before).abs().amax(dim=0)[::4, ::4] > 0.1
        gains.append(float(scorer.map(after)[place].mean() / scorer.map(before)[place].mean()))
    assert sorted(gains)[1] > 1.5, gains
