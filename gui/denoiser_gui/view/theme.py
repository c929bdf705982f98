"""The theme of all widgets: palette, font, animation, and style sheet.

Follows the system by default, also while the window is open. Widgets that paint themselves read colours from
`current()` while painting, and repaint on `changed`.
"""

from __future__ import annotations

from denoiser_gui.qt import (
    QApplication,
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QObject,
    QPalette,
    QStyle,
    Qt,
    Signal,
)
from denoiser_gui.view.colours import DARK, LIGHT, Colours
from denoiser_gui.view.stylesheet import style_sheet

UNIT = 8  # px; basic spacing, device-independent like all lengths here
FONT_PX = 13
CAPTION_PX = 11
PANEL = 320
TOP_BAR = 44
STRIP = 122
STRIP_OF_NAMES = 34  # height of the strip in a narrow window
STATUS = 30
NARROW = 1280  # below this width the strip shows names only
MOTION_MS = 120  # longest animation

SYSTEM = "system"


class Theme(QObject):
    """The theme of the application. One per process; GUI thread only."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: str = SYSTEM, motion: str = SYSTEM) -> None:
        super().__init__(app)
        self._app = app
        self._choice, self._motion = choice, motion
        self.colours: Colours = DARK
        app.setStyle("Fusion")  # the only style that accepts all colours and looks the same everywhere
        app.setFont(interface_font())
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
        self._dress(self._wanted())

    @property
    def choice(self) -> str:
        """The chosen theme: system, dark or light."""
        return self._choice

    def choose(self, choice: str = SYSTEM, motion: str = SYSTEM) -> None:
        """Change the theme at once; *choice* is system, dark or light, *motion* system or none."""
        self._choice, self._motion = choice, motion
        self._follow()

    def colour(self, name: str, alpha: float = 1.0) -> QColor:
        """A colour by name, with opacity *alpha*."""
        colour = QColor(getattr(self.colours, name))
        colour.setAlphaF(alpha)
        return colour

    def motion_ms(self, wanted: int = MOTION_MS) -> int:
        """Duration of an animation: at most *wanted*; 0 if the system or the user disables animation."""
        return 0 if self._motion == "none" or not _system_moves(self._app) else min(wanted, MOTION_MS)

    def _wanted(self) -> Colours:
        if self._choice != SYSTEM:
            return LIGHT if self._choice == "light" else DARK
        scheme = QGuiApplication.styleHints().colorScheme()
        return LIGHT if scheme == Qt.ColorScheme.Light else DARK  # dark if the system does not report a scheme

    def _follow(self) -> None:
        wanted = self._wanted()
        if wanted is not self.colours:
            self._dress(wanted)
            self.changed.emit()

    def _dress(self, colours: Colours) -> None:
        self.colours = colours
        self._app.setPalette(qt_palette(colours))
        self._app.setStyleSheet(style_sheet(colours))


_themes: list[Theme] = []


def install(app: QApplication, choice: str = SYSTEM, motion: str = SYSTEM) -> Theme:
    """Apply a theme to *app*; `current()` returns it from now on."""
    _themes[:] = [Theme(app, choice, motion)]
    return _themes[0]


def current() -> Theme:
    """The current theme; installs that of the system if there is none."""
    if not _themes:
        app = QApplication.instance()
        assert isinstance(app, QApplication), "a look needs an application"
        install(app)
    return _themes[0]


def motion(wanted: int = MOTION_MS) -> int:
    """Duration of an animation in ms; 0 if disabled."""
    return current().motion_ms(wanted)


def interface_font(pixels: int = FONT_PX, *, bold: bool = False) -> QFont:
    """The system font in this size, with digits of equal width so that numbers do not jump."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def qt_palette(colours: Colours) -> QPalette:
    """The palette for parts that the style sheet does not reach: native widgets, cursors, selections."""
    roles = QPalette.ColorRole
    inks = {
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
    made = QPalette()
    for role, ink in inks.items():
        made.setColor(role, QColor(ink))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.faint))
    return made


def _system_moves(app: QApplication) -> bool:
    hints = QGuiApplication.styleHints()
    accessibility = getattr(hints, "accessibility", None)  # Qt 6.10
    preference = getattr(accessibility(), "motionPreference", None) if accessibility else None  # Qt 6.12
    if preference is not None and preference().name == "ReducedMotion":
        return False
    return app.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) > 0
