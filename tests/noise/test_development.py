import torch

from denoiser.noise.development import develop, draw_development, undevelop
from denoiser.noise.dice import Dice


def _settings(count: int = 64):
    return draw_development(count, Dice(torch.Generator().manual_seed(0)))


def test_what_is_undone_is_done_again():
    # Colours that every camera can show: not too saturated, not too bright.
    colours = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 0.15 + 0.35
    settings = _settings()
    raw = undevelop(colours, settings)
    inside = ((raw > 1e-4) & (raw < 0.999)).all(dim=1, keepdim=True)
    assert float(inside.float().mean()) > 0.95
    assert float(((develop(raw, settings) - colours).abs() * inside).max()) < 1e-3


def test_grey_stays_grey_and_ends_stay_ends():
    settings = _settings()
    for value in (0.0, 0.2, 0.5, 1.0):
        grey = torch.full((64, 3, 4, 4), value)
        assert float((develop(undevelop(grey, settings), settings) - grey).abs().max()) < 2e-3


def test_raw_values_are_values_at_the_extremes():
    settings = _settings()
    for picture in (
        torch.zeros(64, 3, 4, 4),
        torch.ones(64, 3, 4, 4),
        torch.eye(3).reshape(1, 3, 3, 1).repeat(64, 1, 1, 4),
    ):
        raw = undevelop(picture, settings)
        assert torch.isfinite(raw).all()
        assert 0 <= float(raw.min()) <= float(raw.max()) <= 1
        assert torch.isfinite(develop(raw, settings)).all()


def test_cameras_differ():
    settings = _settings()
    assert float(settings.gains[:, 0].std()) > 0.1
    assert 10 < int(settings.s_curve.sum()) < 60
    assert torch.allclose(settings.to_srgb.sum(dim=2), torch.ones(64, 3), atol=1e-5)
