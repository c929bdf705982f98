"""The main window: connects its parts, shows the state of the current photo, handles keys, drops and closing."""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.model.requests import View
from denoiser_gui.qt import Qt
from denoiser_gui.translation import tr
from denoiser_gui.view import accessible
from denoiser_gui.view.closing import Closing
from denoiser_gui.view.commands import Commands
from denoiser_gui.view.photo_opener import paths_of
from denoiser_gui.view.window_parts import WindowParts

_SIZE = (1280, 800)
_FRAME = 32  # height of the title bar in px
_OF_A_SELECTION = ("copy_settings", "paste_settings", "sync", "sync_level")
_OF_A_PHOTO = ("close", "copy_settings", "select_all", "save_preset", "level")
_OF_A_MASK = ("mask", "mask_brush", "mask_linear", "mask_radial", "mask_trust", "mask_invert", "mask_clear")
_OF_A_VIEW = ("panels", "fit", "actual_size", "double_size", "zoom_in", "zoom_out")


class MainWindow(WindowParts):
    """The main window. It uses the engine only through the controller."""

    def __init__(self, controller: Controller) -> None:
        accessible.install()
        super().__init__(controller)
        self.closing = Closing(self, controller, self.saver, self.batch.control)
        self.commands = Commands(self)
        self._connect()
        self._restore()
        self._show_current(controller.current)
        self.batch.control.restore()

    # --- building -------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        controller, viewer = self.controller, self.controller.viewer
        controller.notice.connect(self.toasts.show_notice)
        controller.solved.connect(self.toasts.solve)
        controller.current_changed.connect(self._show_current)
        controller.photo_changed.connect(self._show_changed)
        controller.photo_loaded.connect(lambda _: self._show_saveable())
        controller.settings_changed.connect(lambda _: self._show_history())
        controller.settings_changed.connect(lambda _: self._show_saveable())
        self.recent.aboutToShow.connect(lambda: self.photo_opener.fill_recent(self.recent))
        viewer.viewport_changed.connect(self.top.show_scale)
        viewer.view_changed.connect(self._show_view)
        viewer.status_changed.connect(lambda _: self._show_status())
        viewer.status_changed.connect(lambda _: self._show_saveable())
        viewer.frame_ready.connect(lambda _: self._show_status())
        self.saver.progress.connect(self._show_saving)
        self.panel.save_requested.connect(self.commands.save)
        self.panel.batch_requested.connect(self.commands.add_to_batch)
        self.panel.model_file_requested.connect(self.commands.ask_for_model)
        self.copier.copied.connect(self._show_selection)
        self.strip.menu_actions = [self.actions_[name] for name in _OF_A_SELECTION]
        self.strip.open_requested.connect(self.photo_opener.ask_for_files)
        self.strip.batch_requested.connect(self.batch.add)
        self.strip.selection_changed.connect(self._show_selection)
        self.strip.save_requested.connect(self.saver.save)
        self.batch.opened.connect(lambda _: self._show_strip())
        self.middle.currentChanged.connect(lambda _: self._show_strip())
        controller.library.changed.connect(self._show_title)
        controller.library.changed.connect(self._show_selection)
        self.batch.status_changed.connect(self.status.show_batch)
        self.error.retry_requested.connect(self.commands.read_again)
        self.error.close_requested.connect(self.commands.close_photo)
        self.empty.open_requested.connect(self.photo_opener.ask_for_files)
        self.empty.sample_requested.connect(self.photo_opener.open_sample)
        self.empty.folder_requested.connect(lambda folder: controller.open([folder]))
        self.middle.trust.detail_requested.connect(self.mask_tools.use_trust)
        self.canvas.split_moved.connect(lambda at: controller.remember(split_at=round(at, 3)))

    def _restore(self) -> None:
        preferences = self.controller.preferences
        room = self.screen().availableGeometry()
        self.resize(min(_SIZE[0], room.width()), min(_SIZE[1], room.height() - _FRAME))
        if preferences.geometry:
            self.restoreGeometry(qt.QByteArray.fromHex(preferences.geometry.encode()))
        self.photo_opener.fill_recent(self.recent)
        self.controller.viewer.set_view(View(preferences.compare))
        self.controller.viewer.start_zoom(preferences.zoom)
        self.actions_["navigator"].setChecked(preferences.navigator)
        self.tabs.setCurrentIndex(preferences.tab)
        self.panel.more.setChecked(preferences.more_open)
        self.batch.set_open(preferences.batch_open)
        self._show_view(self.controller.viewer.view)

    # --- display --------------------------------------------------------------------------------------------------

    def _show_current(self, photo: OpenPhoto | None) -> None:
        if photo is None:
            self.commands.panels.show()
        self.actions_.enable(("find", "grid", *_OF_A_PHOTO, *_OF_A_MASK, *_OF_A_VIEW), photo is not None)
        self._show_title()
        self._show_history()
        self._show_saveable()
        self._show_selection()
        if photo is None:
            self.top.show_scale(None)
            self.status.show_text(tr("No photo is open"))
        elif self.controller.is_unreadable:
            self.status.show_text(tr("{name} cannot be opened", name=photo.name))
        elif self.controller.current_pyramid is None:
            self.status.show_text(tr("Loading {name}", name=photo.name))

    def _show_changed(self, photo: OpenPhoto) -> None:
        current = self.controller.current
        if current is not None and current.key == photo.key:
            self._show_title()
            self._show_saveable()
            if self.controller.is_unreadable:
                self.status.show_text(tr("{name} cannot be opened", name=photo.name))

    def _show_saveable(self) -> None:
        """Enable saving only for a photo that is read and can be denoised."""
        can_save = self.controller.can_save
        self.actions_.enable(("save", "save_as", "copy_command"), can_save)
        self.panel.save.setEnabled(can_save)

    def _show_strip(self) -> None:
        self.strip.setVisible(not self.batch.is_open and self.middle.currentWidget() is not self.middle.grid)

    def _show_title(self) -> None:
        current, shown, every = self.controller.current, len(self.controller.shown), len(self.controller.photos)
        count = tr("{shown} of {count}", shown=shown, count=every) if shown < every else ""
        self.setWindowTitle(" — ".join(filter(None, (current.name if current else "", count, "denoise"))))

    def _show_history(self) -> None:
        self.actions_["undo"].setEnabled(self.controller.history.can_undo)
        self.actions_["redo"].setEnabled(self.controller.history.can_redo)
        self.actions_["reset"].setEnabled(self.controller.current is not None)

    def _show_view(self, view: View) -> None:
        self.actions_[view.value].setChecked(True)
        self.actions_.enable(("divider_left", "divider_right"), view is View.SPLIT)
        self.controller.remember(compare=view.value)

    def _show_selection(self) -> None:
        self.actions_.enable(("sync", "sync_level"), len(self.strip.selected_keys()) > 1)
        self.actions_.enable(("paste_settings",), self.copier.can_paste and bool(self.strip.selected_keys()))
        self.panel.show_batch_count(len(self.strip.selected_paths()))

    def _show_status(self) -> None:
        if not self.saver.is_busy and self.controller.current is not None:
            self.status.show_status(self.controller.viewer.status, self.canvas.shown_state)

    def _show_saving(self, text: str) -> None:
        if text:
            self.status.show_text(text)
        else:
            self._show_status()

    # --- events ---------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        shift = Qt.KeyboardModifier.ShiftModifier
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.canvas.set_original(True)
        elif event.key() == Qt.Key.Key_L and plain & ~shift == Qt.KeyboardModifier.NoModifier:
            if not event.isAutoRepeat():
                self.middle.loupe.begin(2.0 if plain & shift else 1.0)
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and plain in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.ControlModifier,
        ):
            self.controller.show_neighbour(-1 if event.key() == Qt.Key.Key_Left else 1)
        elif event.key() == Qt.Key.Key_Escape and self.commands.panels.are_hidden:
            self.commands.panels.show()
        else:
            super().keyPressEvent(event)
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and isinstance(self.focusWidget(), qt.QAbstractSpinBox):
            self.canvas.setFocus()  # the number was applied, and is finished

    def keyReleaseEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.canvas.set_original(False)
        elif event.key() == Qt.Key.Key_L and not event.isAutoRepeat():
            self.middle.loupe.end()
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: qt.QEvent) -> None:
        super().changeEvent(event)
        if event.type() == qt.QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.canvas.set_original(False)  # another window gets the release of a key that is held
            self.middle.loupe.end()

    def dragEnterEvent(self, event: qt.QDragEnterEvent) -> None:
        if paths_of(event.mimeData()):
            event.acceptProposedAction()
            self.empty.set_hovered(True)

    def dragLeaveEvent(self, event: qt.QDragLeaveEvent) -> None:
        super().dragLeaveEvent(event)
        self.empty.set_hovered(False)

    def dropEvent(self, event: qt.QDropEvent) -> None:
        self.empty.set_hovered(False)
        self.controller.open(paths_of(event.mimeData()))
        event.acceptProposedAction()

    def quit(self) -> None:
        """Close without questions, as for a signal. Unfinished photos of the batch stay in its queue."""
        self.closing.force()

    def closeEvent(self, event: qt.QCloseEvent) -> None:
        if not self.closing.is_allowed():
            event.ignore()
            return
        self._remember_layout()
        self.commands.second.close()
        self.saver.stop()
        self.batch.stop()
        self.controller.stop()
        self.batch.control.release()
        super().closeEvent(event)

    def _remember_layout(self) -> None:
        self.controller.remember(
            geometry=bytes(self.saveGeometry().toHex().data()).decode(),
            zoom=self.controller.viewer.zoom,
            tab=self.tabs.currentIndex(),
            more_open=self.panel.more.isChecked(),
            batch_open=self.batch.is_open,
        )
