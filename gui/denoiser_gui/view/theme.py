"""The theme of all widgets: palette, font, animation, and style sheet.

Follows the system by default, also while the window is open. Widgets that paint themselves read colours from
`current()` while painting, and repaint on `changed`. Rules of the style sheet select widgets by
their property `role`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from denoiser_gui import qt
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.view.colours import DARK, LIGHT, SURROUNDS, Colours

UNIT = 8  # px; basic spacing, device-independent like all lengths here
FONT_PX = 13
PANEL = 320
TOP_BAR = 44
STRIP = 122
STRIP_OF_NAMES = 34  # height of the strip in a narrow window
STATUS = 30
NARROW = 1280  # below this width the strip shows names only
ANIMATION_MS = 120

SYSTEM = "system"


class Theme(qt.QObject):
    """The theme of the application. One per process; GUI thread only."""

    changed = Signal()

    def __init__(self, app: qt.QApplication, choice: str, motion: str, surround: str) -> None:
        super().__init__(app)
        self.app = app
        self._surround = surround
        self._choice, self._motion = choice, motion
        self.colours: Colours = DARK
        app.setStyle("Fusion")  # the only style that accepts all colours and looks the same everywhere
        app.setFont(interface_font())
        qt.QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
        self._apply(self._chosen_colours())

    def choose(self, choice: str = SYSTEM, motion: str = SYSTEM, surround: str = "theme") -> None:
        """Change the theme at once; *choice* is system, dark or light, *motion* system or none."""
        self._choice, self._motion = choice, motion
        if surround != self._surround:
            self._surround = surround
            self.changed.emit()
        self._follow()

    @property
    def surround(self) -> str:
        """The colour around the photo."""
        return SURROUNDS.get(self._surround, self.colours.canvas)

    @property
    def has_animation(self) -> bool:
        """Whether neither the system nor the user disables animation."""
        return self._motion != "none" and _system_has_animation(self.app)

    def _chosen_colours(self) -> Colours:
        if self._choice != SYSTEM:
            return LIGHT if self._choice == "light" else DARK
        scheme = qt.QGuiApplication.styleHints().colorScheme()
        return LIGHT if scheme == Qt.ColorScheme.Light else DARK  # dark if the system does not report a scheme

    def _follow(self) -> None:
        colours = self._chosen_colours()
        if colours is not self.colours:
            self._apply(colours)
            self.changed.emit()

    def _apply(self, colours: Colours) -> None:
        self.colours = colours
        self.app.setPalette(qt_palette(colours))
        self.app.setStyleSheet(style_sheet(colours))


_themes: list[Theme] = []


def install(app: qt.QApplication, choice: str = SYSTEM, motion: str = SYSTEM, surround: str = "theme") -> Theme:
    """Apply a theme to *app*; `current()` returns it from now on."""
    _themes[:] = [Theme(app, choice, motion, surround)]
    return _themes[0]


def current() -> Theme:
    """The current theme; installs that of the system if there is none."""
    if not _themes:
        app = qt.QApplication.instance()
        assert isinstance(app, qt.QApplication), "a theme needs an application"
        install(app)
    return _themes[0]


def colour(name: str, alpha: float = 1.0) -> qt.QColor:
    """A colour of the current theme by name, with opacity *alpha*."""
    found = qt.QColor(getattr(current().colours, name))
    found.setAlphaF(alpha)
    return found


def animation_ms() -> int:
    """Duration of an animation; 0 if it is disabled."""
    return ANIMATION_MS if current().has_animation else 0


def scale() -> float:
    """Device pixels per pixel, the highest of all screens."""
    return current().app.devicePixelRatio()


def interface_font(pixels: int = FONT_PX) -> qt.QFont:
    """The system font in this size, with digits of equal width so that numbers do not jump."""
    font = qt.QFontDatabase.systemFont(qt.QFontDatabase.SystemFont.GeneralFont)
    font.setPixelSize(pixels)
    font.setFeature(qt.QFont.Tag("tnum"), 1)
    return font


def qt_palette(colours: Colours) -> qt.QPalette:
    """The palette for parts that the style sheet does not reach: native widgets, cursors, selections."""
    roles = qt.QPalette.ColorRole
    shades = {
        roles.Window: colours.window,
        roles.WindowText: colours.text,
        roles.Base: colours.well,
        roles.AlternateBase: colours.panel,
        roles.Text: colours.text,
        roles.Button: colours.panel,
        roles.ButtonText: colours.text,
        roles.BrightText: colours.accent,
        roles.Highlight: colours.accent,
        roles.HighlightedText: colours.on_accent,
        roles.ToolTipBase: colours.banner,
        roles.ToolTipText: colours.text,
        roles.PlaceholderText: colours.second,
        roles.Link: colours.accent,
        roles.Accent: colours.accent,
        roles.Mid: colours.line,
        roles.Dark: colours.line,
        roles.Shadow: colours.well,
        roles.Light: colours.hover,
        roles.Midlight: colours.hover,
    }
    made = qt.QPalette()
    for role, shade in shades.items():
        made.setColor(role, qt.QColor(shade))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        made.setColor(qt.QPalette.ColorGroup.Disabled, role, qt.QColor(colours.faint))
    return made


def _system_has_animation(app: qt.QApplication) -> bool:
    hints = qt.QGuiApplication.styleHints()
    accessibility = getattr(hints, "accessibility", None)  # Qt 6.10
    preference = getattr(accessibility(), "motionPreference", None) if accessibility else None  # Qt 6.12
    if preference is not None and preference().name == "ReducedMotion":
        return False
    return app.style().styleHint(qt.QStyle.StyleHint.SH_Widget_Animation_Duration) > 0


@cache
def style_sheet(colours: Colours) -> str:
    """The complete style sheet of a theme; cached."""
    return (files("denoiser_gui") / "resources" / "style.qss").read_text("utf-8") % _values(colours)


def _values(colours: Colours) -> dict[str, str]:
    names = (name for name in colours.__slots__ if name != "name")
    icons = files("denoiser_gui") / "resources" / "icons"
    images = {
        "down": str(icons / f"arrow-down-{colours.name}.svg"),
        "tick": str(icons / f"tick-{colours.name}.svg"),
    }
    return {name: getattr(colours, name) for name in names} | {k: v.replace("\\", "/") for k, v in images.items()}
