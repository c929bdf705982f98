"""What the actions of the window do: one table of handlers for each group of actions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from denoiser_gui import qt
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.photo_settings import command_for
from denoiser_gui.model.preferences import SRGB
from denoiser_gui.model.requests import GAINS, View
from denoiser_gui.model.stored_settings import mask_place
from denoiser_gui.qt import Qt
from denoiser_gui.translation import tr
from denoiser_gui.view.dialogs import PreferencesDialog, SaveDialog, ShortcutSheet
from denoiser_gui.view.panels import Panels
from denoiser_gui.view.second_window import SecondWindow
from denoiser_gui.view.window_parts import WindowParts

if TYPE_CHECKING:
    from denoiser_gui.model.open_photos import OpenPhoto
    from denoiser_gui.model.saving import SaveRequest

_DIVIDER_STEP = 0.02
Handlers = dict[str, Callable[[], Any]]  # by name of the action


class Commands(qt.QObject):
    """The handlers of all actions. Connects them when it is made."""

    def __init__(self, window: WindowParts) -> None:
        super().__init__(window)
        self._window, self._controller = window, window.controller
        self.panels, self.second = Panels(window), SecondWindow(window.controller, window.actions_, window)
        self.second.closed.connect(lambda: window.actions_["second_window"].setChecked(False))
        masks = window.mask_tools.handlers()
        groups = (
            self._photos(),
            self._saving(),
            self._settings(),
            masks,
            self._compare(),
            self._view(),
            self._other(),
        )
        for name, handler in (entry for group in groups for entry in group.items()):
            window.actions_[name].triggered.connect(lambda _checked, handler=handler: handler())

    # --- handlers by group ----------------------------------------------------------------------------------------

    def _photos(self) -> Handlers:
        window, opener = self._window, self._window.photo_opener
        return {
            "open": opener.ask_for_files,
            "open_folder": opener.ask_for_folder,
            "paste": opener.paste,
            "grid": lambda: window.middle.toggle(window.middle.grid),
            "find": lambda: window.middle.toggle(window.finder),
            "select_all": window.strip.select_all,
            "close": self.close_photo,
        }

    def _saving(self) -> Handlers:
        batch = self._window.batch
        return {
            "save": self.save,
            "save_as": self.save_as,
            "copy_command": self.copy_command,
            "add_to_batch": self.add_to_batch,
            "batch": lambda: batch.set_open(not batch.is_open),
        }

    def _settings(self) -> Handlers:
        controller, panel = self._controller, self._window.panel
        copier, strip = self._window.copier, self._window.strip
        return {
            "undo": controller.undo,
            "redo": controller.redo,
            "reset": lambda: controller.change(**{name: row.default for name, row in panel.rows.items()}),
            "save_preset": panel.presets.ask_for_name,
            "level": lambda: panel.level.slider.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "copy_settings": copier.copy,
            "paste_settings": lambda: copier.paste(strip.selected_keys()),
            "sync": lambda: copier.sync(strip.selected_keys()),
            "sync_level": lambda: copier.sync(strip.selected_keys(), one_level=True),
        }

    def _compare(self) -> Handlers:
        canvas, viewer, snapshot = self._window.canvas, self._controller.viewer, self._window.middle.snapshot
        is_compared = self._window.actions_["compare_snapshot"].isChecked
        return {
            **{view.value: partial(viewer.set_view, view) for view in View},
            "gain_down": partial(self._change_gain, -1),
            "gain_up": partial(self._change_gain, 1),
            "take_snapshot": snapshot.take,
            "compare_snapshot": lambda: snapshot.compare(on=is_compared()),
            "swap_snapshot": snapshot.swap,
            "apply_snapshot": snapshot.apply,
            "divider_left": lambda: canvas.move_divider(canvas.split_at - _DIVIDER_STEP),
            "divider_right": lambda: canvas.move_divider(canvas.split_at + _DIVIDER_STEP),
        }

    def _view(self) -> Handlers:
        window, canvas = self._window, self._window.canvas
        return {
            "fit": lambda: canvas.zoom(None),
            "actual_size": lambda: canvas.zoom(1.0),
            "double_size": lambda: canvas.zoom(2.0),
            "zoom_in": lambda: canvas.zoom_step(1),
            "zoom_out": lambda: canvas.zoom_step(-1),
            "navigator": lambda: self._controller.remember(navigator=window.actions_["navigator"].isChecked()),
            "panels": self.panels.toggle,
            "full_screen": self.panels.toggle_full_screen,
            "second_window": self.toggle_second_window,
        }

    def _other(self) -> Handlers:
        window, controller = self._window, self._controller
        return {
            "display_profile": self._ask_for_profile,
            "display_system": lambda: controller.remember(display_profile=""),
            "display_srgb": lambda: controller.remember(display_profile=SRGB),
            "preferences": lambda: PreferencesDialog(controller, window).open(),
            "shortcuts": lambda: ShortcutSheet(window.actions_.groups, window).open(),
            "quit": window.close,
        }

    # --- what takes more than one line ----------------------------------------------------------------------------

    def save(self) -> None:
        """Save the current photo."""
        if self._controller.current is not None:
            self._window.saver.save(self._controller.current)

    def save_as(self) -> None:
        """Show the Save as dialog."""
        photo = self._controller.current
        if photo is not None:
            dialog = SaveDialog(self._controller, self._window.saver.target_of(photo), self._window)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.ordered.connect(lambda request: self.save_with(photo, request))
            dialog.open()

    def save_with(self, photo: OpenPhoto, request: SaveRequest) -> None:
        """Save a photo as chosen in the dialog, and keep its choices."""
        self._controller.change(**dataclasses.asdict(request.settings.write))
        self._window.saver.save_as(photo, request)

    def copy_command(self) -> None:
        """Copy the equivalent `denoise` command to the clipboard."""
        controller = self._controller
        photo = controller.current
        if photo is None:
            return
        if photo.path is None:
            text = tr("A pasted image has no file, so there is no command to copy.")
            controller.notify(Notice("command", text))
            return
        settings, status = controller.settings, controller.viewer.status
        if settings.denoise.tile is None and status.tile:
            settings = settings.changed(tile=status.tile)  # for bit-identical output
        beside = controller.preferences.settings_place == "sidecar"
        mask = None if settings.mask is None else mask_place(photo.path, beside=beside)
        text = command_for(photo.path, self._window.saver.target_of(photo), settings, mask)
        qt.QGuiApplication.clipboard().setText(text)
        controller.notify(Notice("command", tr("Copied: {command}", command=text)))

    def add_to_batch(self) -> None:
        """Add the selected photos to the batch."""
        self._window.batch.add(self._window.strip.selected_paths())

    def close_photo(self) -> None:
        """Close the current photo; the file is not touched."""
        if self._controller.current is not None:
            self._controller.close_photo(self._controller.current.key)

    def read_again(self) -> None:
        """Read the current photo again."""
        if self._controller.current is not None:
            self._controller.show_photo(self._controller.current.key)

    def toggle_second_window(self) -> None:
        """Open or close the second window."""
        if self.second.isVisible():
            self.second.close()
        else:
            self.second.open()

    def ask_for_model(self) -> None:
        """Show a dialog to choose a weights file."""
        dialog = qt.QFileDialog(self._window, tr("Model"), "", f"{tr('Weights')} (*.safetensors)")
        dialog.fileSelected.connect(lambda name: self._controller.change(model=name))
        dialog.open()

    def _change_gain(self, step: int) -> None:
        """Amplify the difference less or more."""
        at = GAINS.index(self._controller.preferences.difference_gain) + step
        self._controller.remember(difference_gain=GAINS[min(max(at, 0), len(GAINS) - 1)])

    def _ask_for_profile(self) -> None:
        dialog = qt.QFileDialog(self._window, tr("Display profile"), "", f"{tr('Colour profiles')} (*.icc *.icm)")
        dialog.fileSelected.connect(lambda name: self._controller.remember(display_profile=name))
        dialog.open()
