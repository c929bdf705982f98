"""Colours of the dark and light theme, and their contrast. No Qt.

Neutral greys, because a coloured surround shifts colour perception. Amber marks what is active and the automatic
value, green what is exact, red what failed.
"""

from __future__ import annotations

from dataclasses import dataclass

READABLE = 4.5  # WCAG 2.2, 1.4.3: contrast of text
SEEN = 3.0  # WCAG 2.2, 1.4.11: contrast of state and focus indicators


@dataclass(frozen=True, slots=True)
class Colours:
    """One theme, by default the dark one; every colour as #rrggbb."""

    name: str
    window: str = "#17181a"  # background
    canvas: str = "#0f1011"  # around the photo
    panel: str = "#1e2023"  # bars and the panel
    well: str = "#111214"  # input fields
    line: str = "#2e3135"  # separators; decorative
    text: str = "#e8e8e6"
    second: str = "#9a9da0"  # secondary text
    faint: str = "#62656a"  # disabled; WCAG requires no contrast
    hover: str = "#292c30"
    pressed: str = "#313438"
    selected: str = "#313438"  # selected segment or row
    track: str = "#3a3d41"  # unfilled part of a slider
    knob: str = "#f2f2f0"
    accent: str = "#d9a441"
    on_accent: str = "#1b1408"
    accent_hover: str = "#e2b155"
    accent_pressed: str = "#c69338"
    focus: str = "#d9a441"  # focus ring
    good: str = "#5fb878"  # exact, saved
    bad: str = "#ec6f63"  # failed
    banner: str = "#26282c"  # notices and popups
    pane_label: str = "#000000"  # over the photo, translucent
    pane_text: str = "#ffffff"
    pane_good: str = "#5fb878"  # variants of good, accent and bad over the photo
    pane_accent: str = "#d9a441"
    pane_bad: str = "#ec6f63"

    @property
    def is_dark(self) -> bool:
        return luminance(self.window) < 0.2


SURROUNDS = {"black": "#000000", "dark": "#2b2b2b", "grey": "#777777", "white": "#ffffff"}  # around the photo
DARK = Colours("dark")
LIGHT = Colours(
    "light",
    window="#f1f1ef",
    canvas="#777777",
    panel="#fafaf8",
    well="#ffffff",
    line="#dcdcd8",
    text="#1c1d1f",
    second="#63666a",
    faint="#a3a5a6",
    hover="#ececea",
    pressed="#e6e6e3",
    selected="#e7e7e4",
    track="#d2d2ce",
    knob="#ffffff",
    accent="#9a6a10",
    on_accent="#ffffff",
    accent_hover="#8a5f0e",
    accent_pressed="#76510b",
    focus="#9a6a10",
    good="#237a43",
    bad="#b3261e",
    banner="#ffffff",
)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb as WCAG defines it, from 0 (black) to 1 (white)."""
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio, from 1 (equal) to 21 (black on white)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
