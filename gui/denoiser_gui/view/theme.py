"""The theme of all widgets: palette, font, animation, and style sheet.

Follows the system by default, also while the window is open. Widgets that paint themselves read colours from
`current()` while painting, and repaint on `changed`. Rules of the style sheet select widgets by
their property `role`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

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


class Theme(QObject):
    """The theme of the application. One per process; GUI thread only."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: str, motion: str) -> None:
        super().__init__(app)
        self.app = app
        self._choice, self._motion = choice, motion
        self.colours: Colours = DARK
        app.setStyle("Fusion")  # the only style that accepts all colours and looks the same everywhere
        app.setFont(interface_font())
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
        self._apply(self._chosen_colours())

    def choose(self, choice: str = SYSTEM, motion: str = SYSTEM) -> None:
        """Change the theme at once; *choice* is system, dark or light, *motion* system or none."""
        self._choice, self._motion = choice, motion
        self._follow()

    @property
    def has_animation(self) -> bool:
        """Whether neither the system nor the user disables animation."""
        return self._motion != "none" and _system_has_animation(self.app)

    def _chosen_colours(self) -> Colours:
        if self._choice != SYSTEM:
            return LIGHT if self._choice == "light" else DARK
        scheme = QGuiApplication.styleHints().colorScheme()
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


def install(app: QApplication, choice: str = SYSTEM, motion: str = SYSTEM) -> Theme:
    """Apply a theme to *app*; `current()` returns it from now on."""
    _themes[:] = [Theme(app, choice, motion)]
    return _themes[0]


def current() -> Theme:
    """The current theme; installs that of the system if there is none."""
    if not _themes:
        app = QApplication.instance()
        assert isinstance(app, QApplication), "a theme needs an application"
        install(app)
    return _themes[0]


def colour(name: str, alpha: float = 1.0) -> QColor:
    """A colour of the current theme by name, with opacity *alpha*."""
    found = QColor(getattr(current().colours, name))
    found.setAlphaF(alpha)
    return found


def animation_ms() -> int:
    """Duration of an animation; 0 if it is disabled."""
    return ANIMATION_MS if current().has_animation else 0


def scale() -> float:
    """Device pixels per pixel, the highest of all screens."""
    return current().app.devicePixelRatio()


def interface_font(pixels: int = FONT_PX) -> QFont:
    """The system font in this size, with digits of equal width so that numbers do not jump."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setPixelSize(pixels)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def qt_palette(colours: Colours) -> QPalette:
    """The palette for parts that the style sheet does not reach: native widgets, cursors, selections."""
    roles = QPalette.ColorRole
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
    made = QPalette()
    for role, shade in shades.items():
        made.setColor(role, QColor(shade))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.faint))
    return made


def _system_has_animation(app: QApplication) -> bool:
    hints = QGuiApplication.styleHints()
    accessibility = getattr(hints, "accessibility", None)  # Qt 6.10
    preference = getattr(accessibility(), "motionPreference", None) if accessibility else None  # Qt 6.12
    if preference is not None and preference().name == "ReducedMotion":
        return False
    return app.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) > 0


# Roles by widget class:
#   title, heading, large, second, caption, failed    QLabel
#   primary, outline, quiet, link                     QPushButton
#   segment                                           QToolButton and QPushButton
#   bar, panel, status, strip, canvas                 QWidget
#   strip                                             QListView
#   rule, banner, segments                            QFrame
#   number                                            QDoubleSpinBox
#   plain                                             QComboBox


@cache
def style_sheet(colours: Colours) -> str:
    """The complete style sheet of a theme; cached."""
    return "".join((_GROUND, _BUTTONS, _FIELDS, _LISTS, _SLIDERS)) % _values(colours)


def _values(colours: Colours) -> dict[str, str]:
    names = (name for name in colours.__slots__ if name != "name")
    icons = files("denoiser_gui") / "resources" / "icons"
    images = {
        "down": str(icons / f"arrow-down-{colours.name}.svg"),
        "tick": str(icons / f"tick-{colours.name}.svg"),
    }
    return {name: getattr(colours, name) for name in names} | {k: v.replace("\\", "/") for k, v in images.items()}


_GROUND = """
QMainWindow, QDialog { background: %(window)s; }
QWidget[role="bar"], QWidget[role="panel"] { background: %(panel)s; }
QWidget[role="status"] { background: %(well)s; }
QWidget[role="strip"], QWidget[role="canvas"] { background: %(window)s; }
QFrame[role="rule"] { background: %(line)s; border: none; min-height: 1px; max-height: 1px; }
QFrame[role="banner"] { background: %(banner)s; border: none; border-bottom: 1px solid %(line)s; }
QLabel { background: transparent; color: %(text)s; }
QLabel:disabled { color: %(faint)s; }
QLabel[role="title"] { font-size: 14px; font-weight: 600; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="large"] { font-size: 20px; }
QLabel[role="second"], QWidget[role="status"] QLabel { color: %(second)s; }
QLabel[role="second"], QWidget[role="status"] QLabel, QLabel[role="failed"] { font-size: 12px; }
QLabel[role="caption"] { color: %(second)s; font-size: 11px; }
QLabel[role="failed"] { color: %(bad)s; }
QToolTip { background: %(banner)s; color: %(text)s; border: 1px solid %(line)s; padding: 4px 6px; }
"""

_BUTTONS = """
QPushButton, QToolButton {
  background: transparent; color: %(text)s; border: 2px solid transparent; border-radius: 6px;
  padding: 4px 8px;
}
QPushButton:hover, QToolButton:hover { background: %(hover)s; }
QPushButton:pressed, QToolButton:pressed { background: %(pressed)s; }
QPushButton:disabled, QToolButton:disabled { color: %(faint)s; }
QPushButton:focus, QToolButton:focus { border-color: %(focus)s; }
QToolButton::menu-indicator, QPushButton::menu-indicator { image: none; width: 0; }
QPushButton[role="primary"] {
  background: %(accent)s; color: %(on_accent)s; font-weight: 600; border-radius: 7px; min-height: 28px;
}
QPushButton[role="primary"]:hover { background: %(accent_hover)s; }
QPushButton[role="primary"]:pressed { background: %(accent_pressed)s; }
QPushButton[role="primary"]:disabled { background: %(hover)s; color: %(faint)s; }
QPushButton[role="primary"]:focus { border-color: %(text)s; }
QPushButton[role="quiet"] { color: %(second)s; }
QPushButton[role="quiet"]:hover { color: %(text)s; }
QPushButton[role="outline"] { border: 1px solid %(line)s; padding: 5px 11px; }
QPushButton[role="outline"]:focus { border: 2px solid %(focus)s; padding: 4px 10px; }
QPushButton[role="link"] { color: %(accent)s; padding: 2px 6px; }
QPushButton[role="link"]:hover { background: %(hover)s; }
QPushButton[role="link"]:disabled { color: %(faint)s; }
QFrame[role="segments"] { background: %(well)s; border: 1px solid %(line)s; border-radius: 7px; }
QToolButton[role="segment"], QPushButton[role="segment"] {
  color: %(second)s; border-radius: 5px; padding: 2px 10px;
}
QToolButton[role="segment"]:hover, QPushButton[role="segment"]:hover { color: %(text)s; }
QToolButton[role="segment"]:disabled, QPushButton[role="segment"]:disabled { color: %(faint)s; }
QToolButton[role="segment"]:checked, QPushButton[role="segment"]:checked {
  background: %(selected)s; color: %(text)s;
}
QCheckBox { color: %(text)s; spacing: 8px; background: transparent; }
QCheckBox::indicator {
  width: 14px; height: 14px; border: 1px solid %(second)s; border-radius: 4px; background: %(well)s;
}
QCheckBox::indicator:checked { background: %(accent)s; border-color: %(accent)s; image: url("%(tick)s"); }
QCheckBox::indicator:focus { border: 2px solid %(focus)s; width: 12px; height: 12px; }
QCheckBox::indicator:checked:focus { border-color: %(text)s; }
QCheckBox:disabled { color: %(faint)s; }
"""

_FIELDS = """
QLineEdit, QDoubleSpinBox, QComboBox {
  background: %(well)s; color: %(text)s; border: 1px solid %(line)s; border-radius: 6px;
  padding: 4px 8px; selection-background-color: %(accent)s; selection-color: %(on_accent)s;
}
QLineEdit:hover, QDoubleSpinBox:hover, QComboBox:hover { border-color: %(track)s; }
QLineEdit:focus, QDoubleSpinBox:focus, QComboBox:focus { border: 2px solid %(focus)s; padding: 3px 7px; }
QLineEdit:disabled, QDoubleSpinBox:disabled, QComboBox:disabled { color: %(faint)s; }
QDoubleSpinBox QLineEdit, QDoubleSpinBox QLineEdit:hover, QDoubleSpinBox QLineEdit:focus {
  background: transparent; border: none; padding: 0 4px;
}
QDoubleSpinBox[role="number"] { background: transparent; border: 1px solid transparent; padding: 1px 3px; }
QDoubleSpinBox[role="number"]:hover { background: %(well)s; }
QDoubleSpinBox[role="number"]:focus { background: %(well)s; border: 2px solid %(focus)s; padding: 0 2px; }
QDoubleSpinBox[automatic="true"], QDoubleSpinBox[automatic="true"] QLineEdit { color: %(accent)s; }
QDoubleSpinBox::up-button, QDoubleSpinBox::down-button { subcontrol-origin: border; width: 0; border: none; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url("%(down)s"); width: 12px; height: 12px; }
QComboBox[role="plain"] { background: transparent; border-color: transparent; padding: 3px 4px; }
QComboBox[role="plain"]:hover { background: %(hover)s; }
QComboBox[role="plain"]:focus { border: 2px solid %(focus)s; padding: 2px 3px; }
QComboBox QAbstractItemView, QMenu {
  background: %(banner)s; color: %(text)s; border: 1px solid %(line)s; padding: 4px; outline: none;
}
QComboBox QAbstractItemView::item { min-height: 24px; padding: 0 6px; border-radius: 4px; }
QComboBox QAbstractItemView::item:selected { background: %(selected)s; color: %(text)s; }
QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: %(selected)s; }
QMenu::item:disabled { color: %(faint)s; }
QMenu::separator { height: 1px; background: %(line)s; margin: 4px 8px; }
QMenu::icon { padding-left: 8px; }
"""

_LISTS = """
QAbstractScrollArea { background: transparent; border: none; }
QListView, QTreeView { background: transparent; border: none; outline: none; color: %(text)s; font-size: 12px; }
QListView[role="strip"]::item { border: 2px solid transparent; border-radius: 6px; color: %(second)s; }
QListView[role="strip"]::item:hover, QTreeView::item:hover { background: %(hover)s; }
QListView[role="strip"]::item:selected, QTreeView::item:selected { background: %(selected)s; color: %(text)s; }
QListView[role="strip"]::item:selected { border-color: %(focus)s; }
QTreeView::item {
  height: 42px; padding: 0 4px; border-top: 2px solid transparent; border-bottom: 2px solid transparent;
}
QTreeView::item:focus { border-color: %(focus)s; }
QScrollArea > QWidget > QWidget { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: %(track)s; border-radius: 3px; margin: 2px; }
QScrollBar::handle:hover { background: %(second)s; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar {
  background: %(track)s; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; color: transparent;
}
QProgressBar::chunk { background: %(accent)s; border-radius: 2px; }
QTabWidget::pane { border: none; }
QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab {
  background: transparent; color: %(second)s; border: 2px solid transparent; border-bottom: 2px solid transparent;
  padding: 7px 8px; margin-right: 8px;
}
QTabBar::tab:hover { color: %(text)s; }
QTabBar::tab:selected { color: %(text)s; border-bottom: 2px solid %(accent)s; }
QTabBar::tab:focus { border: 2px solid %(focus)s; border-radius: 4px; }
"""

_SLIDERS = """
QSlider { background: transparent; }
QSlider::groove:horizontal { height: 4px; background: %(track)s; border-radius: 2px; }
QSlider::sub-page:horizontal { background: %(accent)s; height: 4px; border-radius: 2px; }
QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled { background: %(faint)s; }
QSlider::handle:horizontal { background: %(knob)s; border: 1px solid %(second)s; }
QSlider[handle="12"]::handle:horizontal { width: 10px; margin: -4px 0; border-radius: 6px; }
QSlider[handle="16"]::handle:horizontal { width: 14px; margin: -6px 0; border-radius: 8px; }
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus { border-color: %(focus)s; }
QSlider::handle:horizontal:focus { background: %(focus)s; }
"""
