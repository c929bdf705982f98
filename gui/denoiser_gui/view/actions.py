"""All actions of the window with text, shortcuts and icons, grouped as in the menu and the shortcut sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from denoiser_gui.model.requests import View
from denoiser_gui.qt import QAction, QActionGroup, QKeySequence, QObject, Qt, QWidget
from denoiser_gui.translation import tr
from denoiser_gui.view import icons


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    text: str
    keys: tuple[str, ...] = ()
    icon_name: str = ""
    handled_by_widget: bool = False  # handled by the focused widget; listed for the shortcut sheet
    on_canvas: bool = False  # the shortcut works while the photo has the focus


def _entries() -> dict[str, tuple[_Entry, ...]]:
    """The groups by title."""
    return {
        tr("Photos"): (
            _Entry("open", tr("Open…"), ("Ctrl+O",), "open"),
            _Entry("open_folder", tr("Open folder…"), ("Ctrl+Shift+O",), "folder"),
            _Entry("paste", tr("Paste"), ("Ctrl+V",)),
            _Entry("grid", tr("Grid"), ("G",), "grid"),
            _Entry("find", tr("Find similar and odd photos"), ("Ctrl+F",), "find"),
            _Entry("next", tr("Next photo"), ("Right", "Ctrl+Right"), handled_by_widget=True),
            _Entry("previous", tr("Previous photo"), ("Left", "Ctrl+Left"), handled_by_widget=True),
            _Entry("select_all", tr("Select all photos"), ("Ctrl+A",)),
            _Entry("close", tr("Remove from list"), ("Ctrl+W",), "close"),
        ),
        tr("Saving"): (
            _Entry("save", tr("Save"), ("Ctrl+S",), "save"),
            _Entry("save_as", tr("Save as…"), ("Ctrl+Shift+S",), "save-as"),
            _Entry("copy_command", tr("Copy as command"), ("Ctrl+Shift+C",), "copy"),
            _Entry("add_to_batch", tr("Add to batch"), ("Ctrl+B",), "batch"),
            _Entry("batch", tr("Show batch"), ("Ctrl+Shift+B",), "batch"),
        ),
        tr("Settings"): (
            _Entry("undo", tr("Undo"), ("Ctrl+Z",), "undo"),
            _Entry("redo", tr("Redo"), ("Ctrl+Shift+Z", "Ctrl+Y"), "redo"),
            _Entry("reset", tr("Reset all"), ("Ctrl+R",), "reset"),
            _Entry("save_preset", tr("Save preset…"), ("Ctrl+Shift+P",), "preset"),
            _Entry("level", tr("Edit noise level"), ("N",)),
            _Entry("copy_settings", tr("Copy settings"), ("Ctrl+Alt+C",)),
            _Entry("paste_settings", tr("Paste settings into selected photos"), ("Ctrl+Alt+V",)),
            _Entry("sync", tr("Use settings for selected photos"), ("Ctrl+Alt+S",)),
            _Entry("sync_level", tr("Use settings and this noise level for selected photos"), ("Ctrl+Alt+N",)),
        ),
        tr("Mask"): (
            _Entry("mask", tr("Edit mask"), ("M",)),
            _Entry("mask_brush", tr("Brush"), ("B",)),
            _Entry("mask_linear", tr("Linear gradient"), ("D",)),
            _Entry("mask_radial", tr("Radial gradient"), ("R",)),
            _Entry("mask_erase", tr("Erase"), ("E",)),
            _Entry("mask_larger", tr("Larger brush"), ("Ctrl+]",)),
            _Entry("mask_smaller", tr("Smaller brush"), ("Ctrl+[",)),
            _Entry("mask_overlay", tr("Show mask"), ("O",)),
            _Entry("mask_trust", tr("Mask from trust map")),
            _Entry("mask_invert", tr("Invert mask"), ("Ctrl+I",)),
            _Entry("mask_clear", tr("Clear mask"), ("Ctrl+Shift+M",)),
        ),
        **_view_entries(),
        tr("Window"): (
            *_of_display(),
            _Entry("preferences", tr("Preferences…"), ("Ctrl+,",), "settings"),
            _Entry("shortcuts", tr("Shortcuts"), ("?", "F1"), "keyboard"),
            _Entry("quit", tr("Quit"), ("Ctrl+Q",)),
        ),
    }


def _view_entries() -> dict[str, tuple[_Entry, ...]]:
    """The groups about how the photo is shown."""
    return {
        tr("Compare"): (
            _Entry(View.SIDE_BY_SIDE.value, tr("Side by side"), ("1",), "side-by-side"),
            _Entry(View.STACKED.value, tr("Stacked"), ("6",), "stacked"),
            _Entry(View.SPLIT.value, tr("Split"), ("2",), "split"),
            _Entry(View.CLEAN.value, tr("Denoised only"), ("5",), "clean"),
            _Entry(View.DIFFERENCE.value, tr("Difference"), ("3",), "difference"),
            _Entry(View.TRUST.value, tr("Trust"), ("4",), "trust"),
            _Entry("original", tr("Show original (hold)"), ("Space",), handled_by_widget=True),
            _Entry("gain_down", tr("Weaker difference"), ("[",)),
            _Entry("gain_up", tr("Stronger difference"), ("]",)),
            _Entry("loupe", tr("Loupe at 100 % (hold)"), ("L",), handled_by_widget=True),
            _Entry("loupe_large", tr("Loupe at 200 % (hold)"), ("Shift+L",), handled_by_widget=True),
            _Entry("take_snapshot", tr("Take snapshot A of the settings"), ("Shift+A",)),
            _Entry("compare_snapshot", tr("Compare with snapshot A"), ("A",)),
            _Entry("swap_snapshot", tr("Swap snapshot A and current settings"), ("X",)),
            _Entry("apply_snapshot", tr("Use settings of snapshot A"), ("Ctrl+Alt+A",)),
            _Entry("divider_left", tr("Move divider left"), (",",)),
            _Entry("divider_right", tr("Move divider right"), (".",)),
        ),
        tr("View"): (
            _Entry("fit", tr("Fit"), ("F", "Ctrl+0"), "fit"),
            _Entry("actual_size", tr("100 %"), ("Z", "Ctrl+1"), "actual-size"),
            _Entry("double_size", tr("200 %"), ("Ctrl+2",)),
            _Entry("zoom_in", tr("Zoom in"), ("+", "=", "Ctrl++"), "zoom-in"),
            _Entry("zoom_out", tr("Zoom out"), ("-", "Ctrl+-"), "zoom-out"),
            _Entry(
                "pan", tr("Pan"), ("Shift+Left", "Shift+Right", "Shift+Up", "Shift+Down"), handled_by_widget=True
            ),
            _Entry("navigator", tr("Navigator")),
            _Entry("panels", tr("Hide panels"), ("Tab",), on_canvas=True),
            _Entry("full_screen", tr("Full screen"), ("F11",)),
            _Entry("second_window", tr("Second window"), ("F12",)),
        ),
    }


def _of_display() -> tuple[_Entry, ...]:
    """Where the display profile comes from."""
    return (
        _Entry("display_system", tr("Display profile of the system")),
        _Entry("display_profile", tr("Display profile…")),
        _Entry("display_srgb", tr("Display as sRGB")),
    )


class Actions(QObject):
    """The actions of a window, by name."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._actions: dict[str, QAction] = {}
        self.groups = tuple(
            (title, tuple(self._make(entry, window) for entry in entries)) for title, entries in _entries().items()
        )
        for name in ("navigator", "compare_snapshot", "second_window"):
            self[name].setCheckable(True)
        self.views = QActionGroup(self)
        for view in View:
            self[view.value].setCheckable(True)
            self.views.addAction(self[view.value])

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def enable(self, names: Sequence[str], on: bool) -> None:
        """Enable or disable actions."""
        for name in names:
            self[name].setEnabled(on)

    def _make(self, entry: _Entry, window: QWidget) -> QAction:
        action = QAction(entry.text, self)
        action.setIconText(entry.text)  # Qt would remove the dots
        action.setShortcuts([QKeySequence(key) for key in entry.keys])
        if entry.icon_name:
            action.setIcon(icons.icon(entry.icon_name))
        if entry.handled_by_widget or entry.on_canvas:
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        else:
            window.addAction(action)
        action.setVisible(not entry.handled_by_widget)
        self._actions[entry.name] = action
        return action
