import pytest
import torch

from denoiser.noise.simple import (
    add_poisson,
    add_random_values,
    add_salt_and_pepper,
    add_shaped,
    add_speckle,
    add_white,
    as_8_bit,
    mask_blocks,
    mask_pixels,
    mask_stripes,
)


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_sigma_0_keeps_the_image():
    clean = torch.rand(2, 3, 16, 16)
    assert torch.equal(add_white(clean, 0.0, _seeded()), clean)


def test_each_image_has_its_own_sigma():
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


def _noise(sigma: float, seed: int = 0, count: int = 24) -> torch.Tensor:
    clean = torch.full((count, 3, 96, 96), 0.5)
    return add_shaped(clean, torch.full((count,), sigma), torch.Generator().manual_seed(seed)) - clean


def test_shaped_noise_of_sigma_0_keeps_the_image():
    clean = torch.rand(2, 3, 32, 32)
    assert torch.equal(add_shaped(clean, torch.zeros(2), torch.Generator().manual_seed(0)), clean)


def test_the_strength_on_mid_grey_is_sigma():
    assert float(_noise(20).std() * 255) == pytest.approx(20, rel=0.03)


def test_neighbours_are_alike():
    noise = _noise(20)
    together = (noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean()
    assert 0.3 < float(together) < 0.85


def test_the_strength_depends_on_brightness_in_some_images():
    clean = torch.cat([torch.full((24, 3, 96, 48), 0.05), torch.full((24, 3, 96, 48), 0.95)], dim=3)
    noise = add_shaped(clean, torch.full((24,), 20.0), torch.Generator().manual_seed(1)) - clean
    ratio = noise[..., :40].std(dim=(1, 2, 3)) / noise[..., 56:].std(dim=(1, 2, 3))
    assert float(ratio.min()) < 0.7
    assert float(ratio.max()) > 1.4


def test_channels_vary_together_in_many_ways():
    noise = _noise(20)
    together = (noise[:, 0] * noise[:, 1]).mean(dim=(1, 2)) / noise[:, :2].square().mean(dim=(2, 3)).prod(
        dim=1
    ).sqrt()
    assert float(together.max()) > 0.4
    assert float(together.min()) < 0.1


def test_the_seed_decides_and_extremes_stay_finite():
    for value in (0.0, 1.0):
        clean = torch.full((4, 3, 16, 16), value)
        one, two = (add_shaped(clean, torch.full((4,), 50.0), torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(one, two)
        assert torch.isfinite(one).all()


@pytest.mark.parametrize("light", [0.1, 0.5, 0.9])
def test_photons_vary_as_their_number(light):
    noisy = add_poisson(torch.full((2, 3, 128, 128), light), torch.tensor([50.0, 400.0]), _seeded())
    assert noisy.var(dim=(1, 2, 3)).tolist() == pytest.approx([light / 50, light / 400], rel=0.05)
    assert float(noisy.mean()) == pytest.approx(light, rel=0.02)


def test_without_light_there_are_no_photons():
    assert torch.equal(add_poisson(torch.zeros(1, 3, 16, 16), 100.0, _seeded()), torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize("light", [0.0, 0.25, 1.0])
def test_speckle_grows_with_the_light(light):
    clean = torch.full((1, 3, 128, 128), light)
    noise = add_speckle(clean, 30.0, _seeded()) - clean
    assert float(noise.std() * 255) == pytest.approx(30 * light, rel=0.02, abs=1e-6)


def test_speckle_of_sigma_0_keeps_the_image():
    clean = torch.rand(1, 3, 8, 8, generator=_seeded(2))
    assert torch.equal(add_speckle(clean, 0.0, _seeded()), clean)


@pytest.mark.parametrize("add", [add_salt_and_pepper, add_random_values])
def test_a_share_of_0_keeps_the_image_and_noise_depends_on_the_seed(add):
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


@pytest.mark.parametrize("mask", [mask_pixels, mask_blocks, mask_stripes])
def test_a_share_is_masked_and_the_rest_is_kept(mask):
    clean = torch.rand(12, 3, 122, 131, generator=_seeded(1)) * 0.8 + 0.1
    masked = mask(clean, 0.3, _seeded())
    lost = (masked == 0).all(dim=1)
    assert float(lost.float().mean()) == pytest.approx(0.3, abs=0.05)
    kept = (~lost).unsqueeze(1).expand_as(clean)
    assert torch.equal(masked[kept], clean[kept])
    assert torch.equal(mask(clean, 0.0, _seeded()), clean)
    assert float(mask(clean, 1.0, _seeded()).max()) == 0


def test_blocks_are_squares():
    lost = mask_blocks(torch.ones(1, 1, 64, 64), 0.4, _seeded())[0, 0] == 0
    by_block = lost.reshape(8, 8, 8, 8).float().mean(dim=(1, 3))
    assert set(by_block.flatten().tolist()) == {0.0, 1.0}


def test_stripes_are_whole_rows_or_columns():
    masked = mask_stripes(torch.ones(40, 1, 32, 32), 0.3, _seeded())[:, 0] == 0
    by_row = [torch.equal(one, one[:, :1].expand_as(one)) for one in masked]
    by_column = [torch.equal(one, one[:1].expand_as(one)) for one in masked]
    assert all(row or column for row, column in zip(by_row, by_column, strict=True))
    assert any(by_row)
    assert any(by_column)
