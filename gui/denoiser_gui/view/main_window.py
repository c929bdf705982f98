"""The main window: top bar, canvas, notices, film strip, panel and status line, and their connections."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.model.photo_settings import command_for
from denoiser_gui.model.requests import View
from denoiser_gui.model.saving import SaveRequest
from denoiser_gui.qt import Qt
from denoiser_gui.saver import Saver
from denoiser_gui.settings_copier import SettingsCopier
from denoiser_gui.translation import tr
from denoiser_gui.view import accessible, icons, theme
from denoiser_gui.view.actions import Actions
from denoiser_gui.view.bars import StatusLine, TopBar
from denoiser_gui.view.batch_panel import BatchPanel
from denoiser_gui.view.canvas import PhotoCanvas
from denoiser_gui.view.closing import Closing
from denoiser_gui.view.denoise_panel import DenoisePanel
from denoiser_gui.view.dialogs import PreferencesDialog, SaveDialog, ShortcutSheet
from denoiser_gui.view.error_state import ErrorState
from denoiser_gui.view.film_strip import FilmStrip
from denoiser_gui.view.find_view import FindView
from denoiser_gui.view.latent_panel import LatentPanel
from denoiser_gui.view.photo_opener import EmptyState, PhotoOpener, paths_of
from denoiser_gui.view.toasts import Toasts
from denoiser_gui.view.widgets import column, row, styled

_SIZE = (1280, 800)
_FRAME = 32  # height of the title bar in px
_DIVIDER_STEP = 0.02
_OF_A_SELECTION = ("copy_settings", "paste_settings", "sync", "sync_level")
_OF_A_PHOTO = ("close", "copy_settings", "select_all", "save_preset", "level")
_OF_A_VIEW = ("fit", "actual_size", "double_size", "zoom_in", "zoom_out")


class MainWindow(qt.QMainWindow):
    """The main window. It uses the engine only through the controller."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        accessible.install()
        self.controller, self.saver = controller, Saver(controller, self)
        self.copier = SettingsCopier(controller)
        self.setWindowTitle("denoise")
        self.setWindowIcon(icons.app_icon())
        self.setAcceptDrops(True)
        self.actions_ = Actions(self)
        self._recent = qt.QMenu(tr("Open recent"), self)
        self.photo_opener = PhotoOpener(controller, self)
        self.top = TopBar(self.actions_, self._recent)
        self.status = StatusLine()
        self.canvas = PhotoCanvas(controller.viewer, controller.preferences.split_at)
        self.empty, self.error = EmptyState(controller), ErrorState()
        self.strip = FilmStrip(controller)
        self.finder = FindView(controller, self.strip.thumbnails)
        self.batch = BatchPanel(controller, self.strip.thumbnails)
        self.panel, self.latent = DenoisePanel(controller), LatentPanel(controller)
        self.closing = Closing(self, controller, self.saver, self.batch.control)
        self._lay_out()
        self._connect()
        self._connect_actions()
        self._restore()
        self._show_current(controller.current)
        self.batch.control.restore()

    # --- building -------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._middle = qt.QStackedWidget()
        for page in (self.empty, self.canvas, self.error, self.finder):
            self._middle.addWidget(page)
        self.toasts = Toasts(self._middle)
        self._middle.currentChanged.connect(lambda _: self.toasts.raise_())
        left = column(self._middle, self.batch, self.strip)
        left.setStretchFactor(self._middle, 1)
        self.tabs = styled(qt.QTabWidget(), "panel")
        self.tabs.setFixedWidth(theme.PANEL)
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.panel, tr("Denoise"))
        self.tabs.addTab(self.latent, tr("Latent"))
        body = row(left, self.tabs, spacing=0)
        body.setStretchFactor(left, 1)
        whole = column(self.top, body, self.status)
        whole.setStretchFactor(body, 1)
        centre = qt.QWidget()
        centre.setLayout(whole)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        controller, viewer = self.controller, self.controller.viewer
        controller.notice.connect(self.toasts.show_notice)
        controller.solved.connect(self.toasts.solve)
        controller.current_changed.connect(self._show_current)
        controller.photo_changed.connect(self._show_changed)
        controller.photo_loaded.connect(lambda _: self._show_saveable())
        controller.settings_changed.connect(lambda _: self._show_history())
        controller.settings_changed.connect(lambda _: self._show_saveable())
        self._recent.aboutToShow.connect(lambda: self.photo_opener.fill_recent(self._recent))
        viewer.viewport_changed.connect(self.top.show_scale)
        viewer.view_changed.connect(self._show_view)
        viewer.status_changed.connect(lambda _: self._show_status())
        viewer.status_changed.connect(lambda _: self._show_saveable())
        viewer.frame_ready.connect(lambda _: self._show_status())
        self.saver.progress.connect(self._show_saving)
        self.panel.save_requested.connect(self.save)
        self.panel.batch_requested.connect(self.add_to_batch)
        self.panel.model_file_requested.connect(self._ask_for_model)
        self.copier.copied.connect(self._show_selection)
        self.strip.menu_actions = [self.actions_[name] for name in _OF_A_SELECTION]
        self.strip.open_requested.connect(self.photo_opener.ask_for_files)
        self.strip.batch_requested.connect(self.batch.add)
        self.strip.selection_changed.connect(self._show_selection)
        self.batch.opened.connect(lambda on: self.strip.setVisible(not on))
        self.batch.status_changed.connect(self.status.show_batch)
        self.error.retry_requested.connect(self._read_again)
        self.error.close_requested.connect(self._close_current)
        self.finder.photo_chosen.connect(self._show_found)
        self.finder.closed.connect(lambda: self._show_middle(find=False))
        self.empty.open_requested.connect(self.photo_opener.ask_for_files)
        self.empty.sample_requested.connect(self.photo_opener.open_sample)
        self.empty.folder_requested.connect(lambda folder: controller.open([folder]))
        self.canvas.split_moved.connect(lambda at: controller.remember(split_at=round(at, 3)))

    def _connect_actions(self) -> None:
        """Connect all actions."""
        controller, canvas = self.controller, self.canvas
        handlers: dict[str, Callable[[], Any]] = {
            "open": self.photo_opener.ask_for_files,
            "open_folder": self.photo_opener.ask_for_folder,
            "paste": self.photo_opener.paste,
            "find": lambda: self._show_middle(find=self._middle.currentWidget() is not self.finder),
            "close": self._close_current,
            "save": self.save,
            "save_as": self.save_as,
            "copy_command": self.copy_command,
            "add_to_batch": self.add_to_batch,
            "batch": lambda: self.batch.set_open(not self.batch.is_open),
            "select_all": self.strip.select_all,
            "copy_settings": self.copier.copy,
            "paste_settings": lambda: self.copier.paste(self.strip.selected_keys()),
            "sync": lambda: self.copier.sync(self.strip.selected_keys()),
            "sync_level": lambda: self.copier.sync(self.strip.selected_keys(), one_level=True),
            "undo": controller.undo,
            "redo": controller.redo,
            "reset": lambda: controller.change(**{name: row.default for name, row in self.panel.rows.items()}),
            "save_preset": self.panel.presets.ask_for_name,
            "level": lambda: self.panel.level.slider.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "divider_left": lambda: canvas.move_divider(canvas.split_at - _DIVIDER_STEP),
            "divider_right": lambda: canvas.move_divider(canvas.split_at + _DIVIDER_STEP),
            "fit": lambda: canvas.zoom(None),
            "actual_size": lambda: canvas.zoom(1.0),
            "double_size": lambda: canvas.zoom(2.0),
            "zoom_in": lambda: canvas.zoom_step(1),
            "zoom_out": lambda: canvas.zoom_step(-1),
            "full_screen": lambda: self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen),
            "display_profile": self._ask_for_profile,
            "display_srgb": lambda: controller.remember(display_profile=""),
            "preferences": lambda: PreferencesDialog(controller, self).open(),
            "shortcuts": lambda: ShortcutSheet(self.actions_.groups, self).open(),
            "quit": self.close,
        }
        handlers |= {view.value: partial(controller.viewer.set_view, view) for view in View}
        for name, handler in handlers.items():
            self.actions_[name].triggered.connect(lambda _checked, handler=handler: handler())

    def _restore(self) -> None:
        preferences = self.controller.preferences
        room = self.screen().availableGeometry()
        self.resize(min(_SIZE[0], room.width()), min(_SIZE[1], room.height() - _FRAME))
        if preferences.geometry:
            self.restoreGeometry(qt.QByteArray.fromHex(preferences.geometry.encode()))
        self.photo_opener.fill_recent(self._recent)
        self.controller.viewer.set_view(View(preferences.compare))
        self.controller.viewer.start_zoom(preferences.zoom)
        self.tabs.setCurrentIndex(preferences.tab)
        self.panel.more.setChecked(preferences.more_open)
        self.batch.set_open(preferences.batch_open)
        self._show_view(self.controller.viewer.view)

    # --- actions --------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Save the current photo."""
        if self.controller.current is not None:
            self.saver.save(self.controller.current)

    def save_as(self) -> None:
        """Show the Save as dialog."""
        photo = self.controller.current
        if photo is not None:
            dialog = SaveDialog(self.controller, self.saver.target_of(photo), self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.ordered.connect(lambda request: self._save_as(photo, request))
            dialog.open()

    def copy_command(self) -> None:
        """Copy the equivalent `denoise` command to the clipboard."""
        photo = self.controller.current
        if photo is None:
            return
        if photo.path is None:
            text = tr("A pasted image has no file, so there is no command to copy.")
            self.controller.notify(Notice("command", text))
            return
        settings, status = self.controller.settings, self.controller.viewer.status
        if settings.denoise.tile is None and status.tile:
            settings = settings.changed(tile=status.tile)  # for bit-identical output
        text = command_for(photo.path, self.saver.target_of(photo), settings)
        qt.QGuiApplication.clipboard().setText(text)
        self.controller.notify(Notice("command", tr("Copied: {command}", command=text)))

    def add_to_batch(self) -> None:
        """Add the selected photos to the batch."""
        self.batch.add(self.strip.selected_paths())

    def _save_as(self, photo: OpenPhoto, request: SaveRequest) -> None:
        self.controller.change(**dataclasses.asdict(request.settings.write))
        self.saver.save_as(photo, request)

    def _close_current(self) -> None:
        if self.controller.current is not None:
            self.controller.close_photo(self.controller.current.key)

    def _read_again(self) -> None:
        if self.controller.current is not None:
            self.controller.show_photo(self.controller.current.key)

    def _ask_for_model(self) -> None:
        dialog = qt.QFileDialog(self, tr("Model"), "", f"{tr('Weights')} (*.safetensors)")
        dialog.fileSelected.connect(lambda name: self.controller.change(model=name))
        dialog.open()

    def _ask_for_profile(self) -> None:
        dialog = qt.QFileDialog(self, tr("Display profile"), "", f"{tr('Colour profiles')} (*.icc *.icm)")
        dialog.fileSelected.connect(lambda name: self.controller.remember(display_profile=name))
        dialog.open()

    # --- display --------------------------------------------------------------------------------------------------

    def _show_current(self, photo: OpenPhoto | None) -> None:
        was_empty = self._middle.currentWidget() is self.empty
        self._show_middle_page()
        self.actions_.enable(("find", *_OF_A_PHOTO, *_OF_A_VIEW), photo is not None)
        self._show_title()
        self._show_history()
        self._show_saveable()
        self._show_selection()
        if photo is None:
            self.top.show_scale(None)
            self.status.show_text(tr("No photo is open"))
            return
        if self.controller.current_pyramid is None and not self.controller.is_unreadable:
            self.status.show_text(tr("Loading {name}", name=photo.name))
        if was_empty:
            self.canvas.setFocus()

    def _show_middle(self, *, find: bool) -> None:
        """Show the Find view, or the current photo."""
        if find:
            self._middle.setCurrentWidget(self.finder)
        else:
            self._show_middle_page()
        (self._middle.currentWidget() or self.canvas).setFocus()

    def _show_middle_page(self) -> None:
        """Show the page for the current photo, which takes over the keyboard focus."""
        current, focused = self.controller.current, self.focusWidget()
        page: qt.QWidget = self.canvas
        if current is None:
            page = self.empty
        elif self.controller.is_unreadable:
            page = self.error
            self.error.show_photo(current)
            self.status.show_text(tr("{name} cannot be opened", name=current.name))
        had_focus = focused is not None and self._middle.isAncestorOf(focused)
        if page is not self._middle.currentWidget():
            self._middle.setCurrentWidget(page)
            if had_focus:
                page.setFocus()

    def _show_found(self, path: Path) -> None:
        photo = next((photo for photo in self.controller.photos if photo.path == path), None)
        if photo is not None:  # it may have been closed
            self.controller.show_photo(photo.key)
            self.canvas.setFocus()

    def _show_changed(self, photo: OpenPhoto) -> None:
        current = self.controller.current
        if current is not None and current.key == photo.key:
            self._show_title()
            self._show_saveable()
            if self._middle.currentWidget() is not self.finder:
                self._show_middle_page()

    def _show_saveable(self) -> None:
        """Enable saving only for a photo that is read and can be denoised."""
        can_save = self.controller.can_save
        self.actions_.enable(("save", "save_as", "copy_command"), can_save)
        self.panel.save.setEnabled(can_save)

    def _show_title(self) -> None:
        current = self.controller.current
        self.setWindowTitle("denoise" if current is None else f"{current.name} — denoise")

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
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.canvas.set_original(True)
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and plain in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.ControlModifier,
        ):
            self.controller.show_neighbour(-1 if event.key() == Qt.Key.Key_Left else 1)
        else:
            super().keyPressEvent(event)
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and isinstance(self.focusWidget(), qt.QAbstractSpinBox):
            self.canvas.setFocus()  # the number was applied, and is finished

    def keyReleaseEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.canvas.set_original(False)
        else:
            super().keyReleaseEvent(event)

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
