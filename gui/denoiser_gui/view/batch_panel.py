"""The batch panel: the queue, its progress, and the result of each file. Slides up over the film strip."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from denoiser_gui.batch_control import BatchControl, BatchStatus
from denoiser_gui.controller import Controller
from denoiser_gui.model.batch_queue import BatchRow, RowState
from denoiser_gui.model.batch_run import BatchEnded
from denoiser_gui.model.notices import Notice
from denoiser_gui.qt import (
    QAbstractItemView,
    QAction,
    QEasingCurve,
    QFileDialog,
    QFrame,
    QKeySequence,
    QLabel,
    QListView,
    QMenu,
    QPoint,
    QPropertyAnimation,
    QPushButton,
    QSize,
    QSizePolicy,
    QStackedWidget,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
    Signal,
)
from denoiser_gui.view import theme
from denoiser_gui.view.batch_list import BatchDelegate, BatchFooter, BatchHeader, BatchList, summary
from denoiser_gui.view.icons import icon
from denoiser_gui.view.thumbnails import Thumbnails
from denoiser_gui.view.widgets import separator, show_folder
from denoiser_gui.words import tr, tr_count

_HEIGHT = (240, 380)  # px; minimum and maximum
_SHARE = 0.46  # of the window's height
_SOON_MS = 100  # shortest interval between updates of the counts
_TICK_MS = 1000  # interval between updates of the time left
_OUT = "clean"  # default output folder next to the photos


class BatchPanel(QWidget):
    """Shows and controls the batch. Never modal, never blocks."""

    opened = Signal(bool)
    status_changed = Signal(str)

    def __init__(
        self, controller: Controller, thumbnails: Thumbnails | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self.control = BatchControl(controller)
        self._rows = BatchList(self)
        self._thumbnails = thumbnails or Thumbnails(controller)
        self._folder: Path | None = None
        self.is_open = False
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Batch"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._slide = QPropertyAnimation(self, b"maximumHeight", self)
        self._slide.finished.connect(self._slid)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._show_progress)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._show_counts)
        self._build()
        self._listen()
        self._show_all()
        self.hide()

    def add(self, paths: Sequence[Path]) -> None:
        """Add photos with their current settings, and open the panel."""
        self.control.add(paths)
        self.set_open(True)

    def set_open(self, is_open: bool) -> None:
        """Slide up or down."""
        if is_open == self.is_open:
            return
        self.is_open = is_open
        if is_open:
            self.opened.emit(True)
        low, high = _HEIGHT
        height = max(low, min(high, int(self.window().height() * _SHARE)))
        self.setMinimumHeight(0)
        self._slide.stop()
        self._slide.setDuration(theme.motion())
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._slide.setStartValue(0 if is_open else self.height())
        self._slide.setEndValue(height if is_open else 0)
        self.show()
        self._slide.start()

    def stop(self) -> None:
        """Stop the batch because the window closes."""
        self._tick.stop()
        self._soon.stop()
        self.control.stop()

    @property
    def folder(self) -> Path:
        """The output folder."""
        if self._folder is not None:
            return self._folder
        remembered = self._controller.preferences.batch_folder
        if remembered:
            return Path(remembered)
        rows = self.control.queue.rows
        home = (rows[0].root or rows[0].source.parent) if rows else Path.home()
        return home.with_name(f"{home.name} {_OUT}") if rows and rows[0].root else home / _OUT

    def set_folder(self, folder: Path) -> None:
        """Set the output folder from the next start on."""
        self._folder = folder
        self._show_choices()

    # --- widgets ---

    def _build(self) -> None:
        self._head, self._foot = BatchHeader(self), BatchFooter(self)
        self._view = self._make_view()
        self._empty = self._make_empty()
        self._body = QStackedWidget(self)
        self._body.addWidget(self._empty)
        self._body.addWidget(self._view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (separator(self), self._head, self._body, separator(self), self._foot):
            column.addWidget(part)
        column.setStretchFactor(self._body, 1)

    def _make_view(self) -> QListView:
        view = QListView(self)
        view.setModel(self._rows)
        view.setItemDelegate(BatchDelegate(self._thumbnails, view))
        view.setUniformItemSizes(True)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setMouseTracking(True)
        view.setViewportMargins(0, 4, 0, 4)
        view.setAccessibleName(tr("Batch photos"))
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._show_menu)
        take_out = QAction(tr("Remove from batch"), view)
        take_out.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        take_out.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        take_out.triggered.connect(lambda: self.control.remove(self._chosen()))
        view.addAction(take_out)
        view.activated.connect(lambda at: self._open_result(self._rows.row_at(at)))
        return view

    def _make_empty(self) -> QWidget:
        empty = QWidget(self)
        words = QLabel(tr("Photos added here are denoised together, with the current settings."), empty)
        words.setProperty("role", "second")
        self._add_open = QPushButton(tr("Add all open photos"), empty)
        self._add_open.setProperty("role", "outline")
        self._add_open.setIcon(icon("photos", "second"))
        self._add_open.setIconSize(QSize(22, 16))
        self._add_open.setAccessibleName(tr("Add all open photos"))
        self._add_open.clicked.connect(self._add_all)
        column = QVBoxLayout(empty)
        column.addStretch()
        column.addWidget(words, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(theme.UNIT)
        column.addWidget(self._add_open, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch()
        return empty

    def _listen(self) -> None:
        control, head, foot = self.control, self._head, self._foot
        control.rows_changed.connect(self._show_all)
        control.row_changed.connect(self._show_row)
        control.run_status_changed.connect(self._show_all)
        control.ended.connect(self._show_end)
        head.start_wanted.connect(self._begin)
        head.pause_wanted.connect(self._pause_or_resume)
        head.stop_wanted.connect(control.stop)
        head.retry_wanted.connect(self._retry_failed)
        head.replace_wanted.connect(self._replace_those)
        head.hide_wanted.connect(lambda: self.set_open(False))
        foot.change_wanted.connect(self._choose_folder)
        foot.tree_wanted.connect(self._choose_tree)
        foot.clear_wanted.connect(control.clear_finished)
        foot.show_wanted.connect(self._open_folder)
        self._thumbnails.arrived.connect(lambda _path: self._view.viewport().update())
        self._controller.photos_changed.connect(self._show_choices)
        theme.current().changed.connect(self._view.viewport().update)

    # --- user actions ---

    def _begin(self) -> None:
        self._remember_folder()
        self.control.start(self.folder)

    def _pause_or_resume(self) -> None:
        if self.control.status is BatchStatus.RUNNING:
            self.control.pause()
        else:
            self.control.resume()

    def _retry_failed(self) -> None:
        self.control.start(self.folder, self.control.queue.failed)

    def _replace_those(self) -> None:
        self.control.start(self.folder, self._in_the_way(), replace=True)

    def _add_all(self) -> None:
        self.control.add([photo.path for photo in self._controller.photos if photo.path is not None])

    def _choose_folder(self) -> None:
        self._ask(tr("Output folder"), self.folder, self.set_folder)

    def _choose_tree(self) -> None:
        start = Path(self._controller.preferences.open_folder or Path.home())
        self._ask(tr("Add folder to batch"), start, self.control.add_tree)

    def _ask(self, title: str, start: Path, chosen: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self, title, str(start))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: chosen(Path(name)))
        dialog.open()

    def _open_folder(self) -> None:
        show_folder(self.folder)

    def _open_result(self, row: BatchRow | None) -> None:
        if row is not None:
            self._controller.open([row.source])

    def _show_menu(self, at: QPoint) -> None:
        menu = self.menu()
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self._view.viewport().mapToGlobal(at))

    def _chosen(self) -> list[BatchRow]:
        chosen = self._view.selectionModel().selectedIndexes()
        return [row for at in chosen if (row := self._rows.row_at(at)) is not None]

    def menu(self) -> QMenu | None:
        """The context menu of the selected rows; None without a selection."""
        rows = self._chosen()
        if not rows:
            return None
        menu = QMenu(self)
        first = rows[0]
        menu.addAction(tr("Open photo")).triggered.connect(lambda: self._open_result(first))
        if first.target is not None:
            home = first.target.parent
            menu.addAction(tr("Show output in folder")).triggered.connect(lambda: show_folder(home))
        again = [row for row in rows if row.state is RowState.FAILED]
        if again and not self.control.is_running:
            words = tr_count("Try again", "Retry {count} photos", len(again))
            menu.addAction(words).triggered.connect(lambda: self.control.start(self.folder, again))
        menu.addSeparator()
        words = tr_count("Remove from batch", "Remove {count} from batch", len(rows))
        menu.addAction(words).triggered.connect(lambda: self.control.remove(rows))
        return menu

    # --- display ---

    def _show_all(self, *_: object) -> None:
        self._rows.put(self.control.queue.rows)
        self._body.setCurrentWidget(self._view if self.control.queue.tally.size else self._empty)
        self._show_choices()
        self._show_progress()

    def _show_row(self, row: BatchRow) -> None:
        self._rows.change(row)
        if not self._soon.isActive():  # counting thousands of rows for every tile would be slow
            self._soon.start()

    def _show_counts(self) -> None:
        self._show_choices()
        self._show_progress()

    def _show_choices(self) -> None:
        queue, status = self.control.queue, self.control.status
        self._head.show_choices(queue, status)
        self._foot.show_choices(queue, status, self.folder)
        self._add_open.setEnabled(any(photo.path is not None for photo in self._controller.photos))
        running = status is BatchStatus.RUNNING
        if running != self._tick.isActive():
            self._tick.start() if running else self._tick.stop()

    def _show_progress(self) -> None:
        queue, status = self.control.queue, self.control.status
        self._head.show_progress(queue, status)
        words = summary(queue, status)
        self.status_changed.emit(tr("Batch: {words}", words=words) if words else "")

    def _show_end(self, ended: BatchEnded) -> None:
        done = sum(report.done for report in ended.reports)
        failed = sum(len(report.failures) for report in ended.reports)
        if ended.cancelled or ended.stopped_by is not None or self.is_open or not done + failed:
            return
        words = tr_count("Batch: {count} photo denoised", "Batch: {count} photos denoised", done)
        if failed:
            words = tr("{words}, {failed} failed", words=words, failed=failed)
        self._controller.notify(Notice("batch", words, action=tr("Show"), act=lambda: self.set_open(True)))

    def _slid(self) -> None:
        if self.is_open:
            self.setMinimumHeight(self.maximumHeight())
        else:
            self.hide()
            self.opened.emit(False)

    def _in_the_way(self) -> list[BatchRow]:
        return [row for row in self.control.queue.failed if row.in_the_way]

    def _remember_folder(self) -> None:
        if self._folder is not None:
            remembered = dataclasses.replace(self._controller.preferences, batch_folder=str(self._folder))
            self._controller.set_preferences(remembered)
