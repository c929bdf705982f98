import pytest
import torch

from denoiser.noise.camera import SHOT_RANGE, draw_read, draw_shot, expose
from denoiser.noise.dice import Dice


def _dice(seed: int = 0) -> Dice:
    return Dice(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("light", [0.1, 0.3, 0.6])
def test_the_variance_is_shot_times_light_plus_read(light):
    shot, read = torch.full((16,), 2e-3), torch.full((16,), 1e-4)
    seen = expose(torch.full((16, 1, 128, 128), light), shot, read, _dice())
    # A tenth of the pictures have rows that drift, by at most 0.6 of the read noise; ten bits add 1e-7.
    assert float(seen.var(dim=(1, 2, 3)).median()) == pytest.approx(2e-3 * light + 1e-4, rel=0.04)
    assert float(seen.mean()) == pytest.approx(light, abs=2e-3)


def test_no_noise_leaves_only_the_steps_of_the_converter():
    light = torch.rand(8, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    seen = expose(light, torch.zeros(8), torch.zeros(8), _dice())
    assert 0 < float((seen - light).abs().max()) <= 0.5 / 1023 + 1e-6


def test_black_and_white_end_the_scale():
    shot, read = torch.full((4,), 0.03), torch.full((4,), 1e-2)
    for light in (0.0, 1.0):
        seen = expose(torch.full((4, 1, 64, 64), light), shot, read, _dice())
        assert 0 <= float(seen.min()) < float(seen.max()) <= 1


def test_a_tenth_of_the_images_has_row_noise():
    count = 400
    seen = expose(
        torch.full((count, 1, 64, 64), 0.2), torch.full((count,), 1e-9), torch.full((count,), 1e-2), _dice()
    )
    # Means of rows of white noise vary by a 64th of its variance; those that drift by far more.
    drifting = seen.mean(dim=3).var(dim=2).flatten() > 3 * seen.var(dim=(1, 2, 3)) / 64
    assert 0.02 < float(drifting.float().mean()) < 0.15


def test_shot_noise_is_drawn_where_photos_are_taken():
    shot = draw_shot(8000, _dice())
    assert float(shot.min()) >= SHOT_RANGE[0] * 0.999
    assert float(shot.max()) <= SHOT_RANGE[1] * 1.001
    low, middle, high = torch.quantile(shot, torch.tensor([0.1, 0.5, 0.9])).tolist()
    assert low < 2e-4 < middle < 2e-3
    assert high > 4e-3  # phones


def test_read_noise_follows_shot_noise():
    quiet, loud = (draw_read(torch.full((4000,), shot), _dice()).median() for shot in (1e-4, 1e-2))
    assert 1e-9 < float(quiet) < 1e-5 < float(loud) < 1e-2
