from __future__ import annotations

import itertools

import pytest

from denoiser.tiling import Region
from denoiser_gui.model.viewport import LARGEST, Viewport, viewport_of


def _photo(scale: float | None = None) -> Viewport:
    fitted = viewport_of(6000, 4000, 556, 704)
    return fitted if scale is None else fitted.at_scale(scale)


def test_a_photo_is_fitted_at_first_and_after_resizing_the_pane() -> None:
    viewport = _photo()
    assert viewport.fits and viewport.visible == Region(0, 0, 4000, 6000)
    wider = viewport.resized(1200, 300)
    assert wider.fits and wider.scale == pytest.approx(300 / 4000)


def test_a_small_photo_is_not_enlarged() -> None:
    assert viewport_of(100, 50, 800, 600).scale == 1.0


@pytest.mark.parametrize("scale", [0.3, 0.5, 1.0, 3.0, 16.0])
def test_zooming_keeps_the_point_under_the_pointer(scale: float) -> None:
    before = _photo(1.0)
    point = (411.0, 203.0)
    x, y = before.to_photo(*point)
    after = before.at_scale(scale, *point)
    assert after.to_photo(*point) == pytest.approx((x, y), abs=1 / scale)  # photos lie on whole device pixels


def test_at_one_hundred_percent_every_photo_pixel_is_one_device_pixel() -> None:
    viewport = _photo(1.0)
    left, top = viewport.origin
    assert isinstance(left, int) and isinstance(top, int)
    seen = viewport.visible
    assert (seen.width, seen.height) == (556, 704)


def test_the_view_never_leaves_the_photo() -> None:
    viewport = _photo(1.0)
    for across, down in itertools.product((-1e6, 0.0, 1e6), repeat=2):
        seen = viewport.panned(across, down).visible
        assert viewport.panned(across, down).visible.width == 556
        assert seen.left >= 0 and seen.top >= 0 and seen.right <= 6000 and seen.bottom <= 4000


def test_steps_go_through_round_scales_to_both_ends() -> None:
    viewport, scales = _photo(), []
    for _ in range(40):
        viewport = viewport.stepped(1)
        scales.append(viewport.scale)
    assert 1.0 in scales and 2.0 in scales and scales[-1] == LARGEST
    for _ in range(60):
        viewport = viewport.stepped(-1)
    assert viewport.fits


@pytest.mark.parametrize(("scale", "level"), [(1.0, 0), (0.51, 0), (0.5, 1), (0.26, 1), (0.25, 2), (0.0927, 3)])
def test_the_level_has_a_pixel_for_every_device_pixel(scale: float, level: int) -> None:
    assert Viewport(6000, 4000, 500, 500, scale).level == level


def test_the_margin_surrounds_the_visible_region() -> None:
    viewport = _photo(1.0)
    assert (
        viewport.visible_with_margin.contains(viewport.visible) and viewport.visible_with_margin != viewport.visible
    )


def test_the_same_place_is_kept_in_a_photo_of_the_same_size_and_all_of_another_is_shown() -> None:
    viewport = _photo(2.0).panned(77, 11)
    assert viewport.for_photo(6000, 4000) == viewport
    other = viewport.for_photo(3000, 4000)
    assert other.scale == viewport.scale and not other.fits
    assert other.x / 3000 == pytest.approx(viewport.x / 6000, abs=0.1) and other.y == pytest.approx(viewport.y)
    assert viewport.fitted().for_photo(640, 480) == viewport_of(640, 480, viewport.pane_width, viewport.pane_height)
