import pytest
import torch

from denoiser.noise.white import add_white, as_8_bit


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_noise_is_the_picture_itself():
    clean = torch.rand(2, 3, 16, 16)
    assert torch.equal(add_white(clean, 0.0, _seeded()), clean)


def test_each_picture_gets_its_sigma():
    clean = torch.full((3, 3, 200, 200), 0.5)
    noise = add_white(clean, torch.tensor([5.0, 25.0, 75.0]), _seeded()) - clean
    assert (noise.std(dim=(1, 2, 3)) * 255).tolist() == pytest.approx([5, 25, 75], rel=0.02)
    assert noise.mean(dim=(1, 2, 3)).abs().max() < 0.005


def test_neighbours_and_channels_know_nothing_of_each_other():
    noise = add_white(torch.zeros(1, 3, 256, 256), 25.0, _seeded())[0]
    noise = noise / noise.std()
    assert abs(float((noise[:, :, 1:] * noise[:, :, :-1]).mean())) < 0.01
    assert abs(float((noise[0] * noise[1]).mean())) < 0.01


def test_grey_noise_is_the_same_in_all_channels():
    noisy = add_white(torch.full((1, 3, 32, 32), 0.5), 25.0, _seeded(), grey=True)
    assert torch.equal(noisy[:, 0], noisy[:, 1])
    assert torch.equal(noisy[:, 0], noisy[:, 2])


def test_the_seed_decides():
    clean = torch.rand(1, 3, 16, 16)
    assert torch.equal(add_white(clean, 9.0, _seeded(7)), add_white(clean, 9.0, _seeded(7)))
    assert not torch.equal(add_white(clean, 9.0, _seeded(7)), add_white(clean, 9.0, _seeded(8)))


def test_eight_bits_keep_what_a_file_keeps():
    assert as_8_bit(torch.tensor([-0.2, 0.4999, 1.3])).tolist() == pytest.approx([0, 127 / 255, 1])
