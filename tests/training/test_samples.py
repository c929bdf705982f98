import torch

from denoiser.training.degrade import Sample
from denoiser.training.samples import Mixed, likeness_of_neighbours


class _Marked:
    def __init__(self, mark: float) -> None:
        self.mark = mark

    def draw(self, count, patch, generator):
        picture = torch.full((count, 3, patch, patch), self.mark)
        return Sample(picture, picture, torch.full((count, 4, 1, 1), self.mark))


def test_a_mixture_holds_to_its_share():
    generator = torch.Generator().manual_seed(0)
    source = Mixed(_Marked(1.0), _Marked(0.0), 0.3)
    counts = []
    for _ in range(400):
        sample = source.draw(4, 8, generator)
        assert sample.noisy.shape == (4, 3, 8, 8)
        assert torch.equal(sample.planes.flatten(1)[:, 0], sample.noisy[:, 0, 0, 0])
        counts.append(int(sample.noisy[:, 0, 0, 0].sum()))
    assert set(counts) == {1, 2}
    assert abs(sum(counts) / 1600 - 0.3) < 0.02


def test_a_share_of_all_or_nothing_asks_only_one():
    generator = torch.Generator().manual_seed(0)
    for share in (0.0, 1.0):
        assert (Mixed(_Marked(1.0), _Marked(0.0), share).draw(3, 8, generator).noisy == share).all()


def test_white_noise_is_like_nobody_and_smooth_noise_like_its_neighbours():
    white = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth = (white + white.roll(1, 2) + white.roll(1, 3)) / 3
    assert float(likeness_of_neighbours(white).abs().max()) < 0.03
    assert float(likeness_of_neighbours(smooth).min()) > 0.25
    assert torch.isfinite(likeness_of_neighbours(torch.zeros(1, 3, 8, 8))).all()
