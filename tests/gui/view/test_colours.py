from __future__ import annotations

import pytest

from denoiser_gui.view.colours import DARK, LIGHT, READABLE, SEEN, SURROUNDS, Colours, contrast, luminance

_BOTH = pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1.0


@_BOTH
def test_text_has_enough_contrast_on_every_background(colours: Colours) -> None:
    grounds = ("window", "panel", "well", "hover", "pressed", "selected", "banner")
    poor = {
        (ink, ground): round(ratio, 2)
        for ink in ("text", "second")
        for ground in grounds
        if (ratio := contrast(getattr(colours, ink), getattr(colours, ground))) < READABLE
    }
    assert not poor


@_BOTH
def test_coloured_text_has_enough_contrast(colours: Colours) -> None:
    grounds = {"accent": ("panel", "well", "banner")}  # on the window it only draws, which asks for less
    poor = {
        (ink, ground): round(ratio, 2)
        for ink in ("accent", "good", "bad")
        for ground in grounds.get(ink, ("window", "panel", "well", "banner"))
        if (ratio := contrast(getattr(colours, ink), getattr(colours, ground))) < READABLE
    }
    assert not poor
    for ground in ("accent", "accent_hover", "accent_pressed"):
        assert contrast(colours.on_accent, getattr(colours, ground)) >= READABLE, ground


@_BOTH
def test_focus_and_knobs_have_enough_contrast(colours: Colours) -> None:
    for ground in ("window", "panel", "well", "banner"):
        assert contrast(colours.focus, getattr(colours, ground)) >= SEEN, ground
    for dot in ("pane_good", "pane_accent", "pane_bad", "pane_text"):
        assert contrast(getattr(colours, dot), colours.pane_label) >= SEEN, dot
    assert colours.is_dark == (colours is DARK)


def test_the_light_theme_does_not_dazzle_beside_the_photo() -> None:
    assert 0.15 <= luminance(LIGHT.canvas) <= 0.25, "mid-grey"
    for shade in SURROUNDS.values():
        assert len({shade[1:3], shade[3:5], shade[5:7]}) == 1, f"{shade} is tinted"


@_BOTH
def test_the_canvas_is_neutral_grey(colours: Colours) -> None:
    for ground in ("window", "panel", "canvas", "well", "line", "hover", "selected", "track"):
        channels = [int(getattr(colours, ground)[start : start + 2], 16) for start in (1, 3, 5)]
        assert max(channels) - min(channels) <= 8, f"{ground} is tinted"
