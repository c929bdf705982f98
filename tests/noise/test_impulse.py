import pytest
import torch

from denoiser.noise.impulse import add_random_values, add_salt_and_pepper


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("add", [add_salt_and_pepper, add_random_values])
def test_no_share_is_the_picture_itself_and_the_seed_decides(add):
    clean = torch.rand(2, 3, 32, 32, generator=_seeded(9))
    assert torch.equal(add(clean, 0.0, _seeded()), clean)
    assert torch.equal(add(clean, 0.2, _seeded(1)), add(clean, 0.2, _seeded(1)))


def test_salt_and_pepper_strike_whole_pixels_half_each():
    clean = torch.full((2, 3, 256, 256), 0.5)
    noisy = add_salt_and_pepper(clean, torch.tensor([0.05, 0.3]), _seeded())
    for row, share in enumerate((0.05, 0.3)):
        assert float((noisy[row] == 0).float().mean()) == pytest.approx(share / 2, rel=0.1)
        assert float((noisy[row] == 1).float().mean()) == pytest.approx(share / 2, rel=0.1)
    assert torch.equal(noisy[:, 0], noisy[:, 2])


def test_random_values_are_any_value():
    noisy = add_random_values(torch.full((1, 3, 256, 256), 2.0), 0.25, _seeded())
    struck = noisy[noisy != 2]
    assert len(struck) / noisy.numel() == pytest.approx(0.25, rel=0.05)
    assert float(struck.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(struck.var()) == pytest.approx(1 / 12, rel=0.03)
