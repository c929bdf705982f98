"""The batch panel: the queue, its progress, and the result of each file. Slides up over the film strip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from denoiser.options import WriteOptions
from denoiser_gui import desktop, qt
from denoiser_gui.batch_control import BatchControl, BatchStatus
from denoiser_gui.controller import Controller
from denoiser_gui.model.batch_queue import BatchRow, RowState, count
from denoiser_gui.model.batch_run import BatchEnded
from denoiser_gui.model.captions import short_path
from denoiser_gui.model.export_rules import ExportRules
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.photos_to_open import OUTPUT_FOLDER
from denoiser_gui.qt import Qt, Signal, show_folder
from denoiser_gui.translation import tr, tr_count
from denoiser_gui.view import theme
from denoiser_gui.view.batch_list import DETAIL, THUMBNAIL, WIDTHS, BatchModel, summary
from denoiser_gui.view.export_dialog import ExportDialog, as_preferences
from denoiser_gui.view.thumbnails import Thumbnails
from denoiser_gui.view.widgets import (
    STRETCH,
    ElidedLabel,
    button,
    choose_folder,
    column,
    label,
    row,
    separator,
    set_label,
    styled,
    tool_button,
)

_HEIGHT = (240, 380)  # px; minimum and maximum
_SHARE = 0.46  # of the window's height
_SOON_MS = 200  # shortest interval between updates of the counts
_TICK_MS = 1000  # interval between updates of the time left
_STEPS = 1000  # of the progress bar
_MARGINS = (2 * theme.UNIT, 4, theme.UNIT, 4)  # of header and footer


class BatchPanel(qt.QWidget):
    """Shows and controls the batch. Never modal, never blocks."""

    opened = Signal(bool)
    status_changed = Signal(str)

    def __init__(self, controller: Controller, thumbnails: Thumbnails | None = None) -> None:
        super().__init__()
        self._controller = controller
        self.control = BatchControl(controller)
        thumbnails = thumbnails or Thumbnails(controller)
        self._model = BatchModel(thumbnails, self)
        self._folder: Path | None = None
        self._in_taskbar: float | None = None  # the progress that is shown
        self.is_open = False
        styled(self, "panel")
        self.setAccessibleName(tr("Batch"))
        self.setSizePolicy(qt.QSizePolicy.Policy.Expanding, qt.QSizePolicy.Policy.Fixed)
        self._slide = qt.QPropertyAnimation(self, b"maximumHeight", self)
        self._slide.finished.connect(self._end_slide)
        self._tick = qt.QTimer(self, interval=_TICK_MS)
        self._tick.timeout.connect(self._show_counts)
        self._soon = qt.QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self._show_counts)
        self._make_buttons()
        self._view = self._make_view()
        self._body = qt.QStackedWidget()
        self._body.addWidget(self._make_empty())
        self._body.addWidget(self._view)
        content = column(separator(), self._header(), self._bar, self._body, separator(), self._footer())
        content.setStretchFactor(self._body, 1)
        self.setLayout(content)
        self.control.rows_changed.connect(self._show_all)
        self.control.row_changed.connect(self._show_row)
        self.control.ended.connect(self._show_end)
        self.control.restored.connect(self._show_restored)
        thumbnails.arrived.connect(lambda _path: self._view.viewport().update())
        controller.photos_changed.connect(self._show_counts)
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
        self._slide.setDuration(theme.animation_ms())
        self._slide.setEasingCurve(qt.QEasingCurve.Type.OutCubic)
        self._slide.setStartValue(0 if is_open else self.height())
        self._slide.setEndValue(height if is_open else 0)
        self.show()
        self._slide.start()

    def stop(self) -> None:
        """Stop the batch because the window closes."""
        self._tick.stop()
        self._soon.stop()
        self.control.close()
        self._show_in_taskbar(None)

    @property
    def folder(self) -> Path:
        """The output folder; that of the first photo if outputs are next to the photos."""
        rules, rows = self._controller.preferences.rules, self.control.queue.rows
        return rules.folder_of(rows[0].source if rows else None, self._tree_folder)

    @property
    def _tree_folder(self) -> Path:
        """The folder for all outputs."""
        if self._folder is not None:
            return self._folder
        remembered = self._controller.preferences.batch_folder
        if remembered:
            return Path(remembered)
        rows = self.control.queue.rows
        if rows and rows[0].root:
            return rows[0].root.with_name(f"{rows[0].root.name} {OUTPUT_FOLDER}")
        return (rows[0].source.parent if rows else Path.home()) / OUTPUT_FOLDER

    def set_folder(self, folder: Path) -> None:
        """Set the output folder from the next start on."""
        self._folder = folder
        self._show_counts()

    # --- widgets ---

    def _make_buttons(self) -> None:
        self._summary = ElidedLabel(role="second")
        self._replace = button("", "quiet", pressed=lambda: self._begin(replace=True))
        self._retry = button("", "quiet", pressed=lambda: self._begin(retry=True))
        self._start = button(tr("Start"), "outline", "resume", self._begin)
        self._pause = button("", "quiet", pressed=self._pause_or_resume)
        self._stop = button(tr("Stop"), "quiet", "stop", self.control.stop)
        self._bar = qt.QProgressBar()
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        keeps_its_place = self._bar.sizePolicy()
        keeps_its_place.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(keeps_its_place)
        self._bar.setAccessibleName(tr("Progress of the batch"))
        self._output = ElidedLabel(role="second", mode=Qt.TextElideMode.ElideMiddle)
        self._change = button(tr("Export settings…"), "link", pressed=self._ask_for_export)
        self._clear = button(tr("Clear finished"), "quiet", "check", self.control.clear_finished)
        self._add_open = button(tr("Add all open photos"), "outline", "photos", self._add_all)

    def _header(self) -> qt.QWidget:
        buttons = (self._replace, self._retry, self._start, self._pause, self._stop)
        hide = tool_button("down", tr("Hide (batch continues)"), lambda: self.set_open(False))
        return _bar_of(label(tr("Batch"), "heading"), self._summary, STRETCH, *buttons, hide)

    def _footer(self) -> qt.QWidget:
        tree = button(tr("Add folder…"), "quiet", "open", self._choose_tree)
        show = button(tr("Open folder"), "quiet", "folder", lambda: show_folder(self.folder))
        return _bar_of(self._output, self._change, STRETCH, tree, self._clear, show)

    def _make_view(self) -> qt.QTreeView:
        view = qt.QTreeView()
        view.setModel(self._model)
        view.setRootIsDecorated(False)
        view.setUniformRowHeights(True)
        view.setHeaderHidden(True)
        view.setIconSize(THUMBNAIL)
        view.setAllColumnsShowFocus(True)
        view.header().setStretchLastSection(False)
        view.header().setSectionResizeMode(DETAIL, qt.QHeaderView.ResizeMode.Stretch)
        for number, width in WIDTHS.items():
            view.header().resizeSection(number, width)
        view.setVerticalScrollMode(qt.QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setSelectionMode(qt.QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setAccessibleName(tr("Batch photos"))
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._show_menu)
        remove = qt.QAction(tr("Remove from batch"), view)
        remove.setShortcut(qt.QKeySequence.StandardKey.Delete)
        remove.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        remove.triggered.connect(lambda: self.control.remove(self._selected()))
        view.addAction(remove)
        view.activated.connect(lambda at: self._controller.open([self._model.row_at(at).source]))
        return view

    def _make_empty(self) -> qt.QWidget:
        empty = qt.QWidget()
        text = label(tr("Photos added here are denoised together, with the current settings."), "second")
        centred = (row(STRETCH, widget, STRETCH) for widget in (text, self._add_open))
        empty.setLayout(column(STRETCH, *centred, STRETCH, spacing=theme.UNIT))
        return empty

    # --- user actions ---

    def _begin(self, *, retry: bool = False, replace: bool = False) -> None:
        rows = self.control.queue.in_state(RowState.FAILED if retry or replace else RowState.WAITING)
        if self._folder is not None:
            self._controller.remember(batch_folder=str(self._folder))
        chosen = [each for each in rows if each.in_the_way or not replace]
        self.control.start(self._tree_folder, chosen, replace=replace)

    def _pause_or_resume(self) -> None:
        if self.control.status is BatchStatus.RUNNING:
            self.control.pause()
        else:
            self.control.resume()

    def _add_all(self) -> None:
        self.control.add([photo.path for photo in self._controller.photos if photo.path is not None])

    def _ask_for_export(self) -> None:
        rows = self.control.queue.in_state(RowState.WAITING, RowState.FAILED)
        current = self._controller.current
        source = rows[0].source if rows else current.path if current is not None else None
        dialog = ExportDialog(self._controller, self._tree_folder, source, len(rows), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self.set_export)
        dialog.open()

    def set_export(self, rules: ExportRules, folder: Path, options: WriteOptions | None) -> None:
        """Set place, names and output options from the next start on, also for the photos in the queue."""
        self._controller.remember(**as_preferences(rules, options))
        if folder != self._tree_folder:
            self._folder = folder
        if options is not None:
            self.control.set_write(options)
        self._show_counts()

    def _choose_tree(self) -> None:
        start = self._controller.preferences.open_folder or str(Path.home())
        choose_folder(self, tr("Add folder to batch"), start, self.control.add_tree)

    def _show_menu(self, at: qt.QPoint) -> None:
        menu = self.menu()
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self._view.viewport().mapToGlobal(at))

    def _selected(self) -> list[BatchRow]:
        return [self._model.row_at(at) for at in self._view.selectionModel().selectedRows()]

    def menu(self) -> qt.QMenu | None:
        """The context menu of the selected rows; None without a selection."""
        rows = self._selected()
        if not rows:
            return None
        menu = qt.QMenu(self)
        first = rows[0]
        menu.addAction(tr("Open photo")).triggered.connect(lambda: self._controller.open([first.source]))
        if first.target is not None:
            home = first.target.parent
            menu.addAction(tr("Show output in folder")).triggered.connect(lambda: show_folder(home))
        again = [each for each in rows if each.state is RowState.FAILED]
        if again and not self.control.is_running:
            text = tr_count("Try again", "Retry {count} photos", len(again))
            menu.addAction(text).triggered.connect(lambda: self.control.start(self._tree_folder, again))
        menu.addSeparator()
        text = tr_count("Remove from batch", "Remove {count} from batch", len(rows))
        menu.addAction(text).triggered.connect(lambda: self.control.remove(rows))
        return menu

    # --- display ---

    def _show_all(self) -> None:
        rows = self.control.queue.rows
        self._model.put(rows)
        self._body.setCurrentIndex(1 if rows else 0)
        self._show_counts()

    def _show_row(self, changed: BatchRow) -> None:
        self._model.change(changed)
        if not self._soon.isActive():  # counting thousands of rows for every tile would be slow
            self._soon.start()

    def _show_counts(self) -> None:
        queue, status = self.control.queue, self.control.status
        counts = count(queue.rows)
        idle, running = status is BatchStatus.IDLE, status is BatchStatus.RUNNING
        failed, blocked = counts.states[RowState.FAILED], counts.in_the_way
        self._bar.setVisible(not idle)
        self._bar.setValue(round(_STEPS * counts.fraction))
        self._start.setVisible(idle)
        self._start.setEnabled(counts.states[RowState.WAITING] > 0)
        for each in (self._pause, self._stop):
            each.setVisible(not idle)
            each.setEnabled(status is not BatchStatus.STOPPING)
        set_label(self._pause, tr("Pause") if running else tr("Resume"), "pause" if running else "resume")
        self._retry.setVisible(idle and failed > blocked)
        set_label(self._retry, tr("Retry failed ({count})", count=failed), "retry")
        self._replace.setVisible(idle and blocked > 0)
        text = tr_count("Replace existing file", "Replace {count} existing files", blocked)
        set_label(self._replace, text, "warning")
        self._output.set_text(tr("Output: {folder}", folder=self._place()))
        self._change.setEnabled(idle)
        self._clear.setEnabled(counts.states[RowState.DONE] + counts.states[RowState.ALREADY_DONE] > 0)
        self._add_open.setEnabled(any(photo.path is not None for photo in self._controller.photos))
        if running != self._tick.isActive():
            self._tick.start() if running else self._tick.stop()
        text = summary(counts, status, queue.seconds_left if running else None)
        self._summary.set_text(text)
        self.status_changed.emit(tr("Batch: {summary}", summary=text) if text else "")
        self._show_in_taskbar(None if idle else counts.fraction)

    def _show_in_taskbar(self, share: float | None) -> None:
        if share != self._in_taskbar:
            self._in_taskbar = share
            desktop.show_progress(share)

    def _place(self) -> str:
        """The place of the outputs, and their names if these are not those of the photos."""
        rules = self._controller.preferences.rules
        text = short_path(self.folder)
        if rules.place == "beside":
            text = tr("beside each photo")
        elif rules.place == "subfolder":
            text = tr("subfolder {name} next to each photo", name=rules.subfolder)
        return tr("{place}, as {name}", place=text, name=rules.template) if rules.rename else text

    def _show_end(self, ended: BatchEnded) -> None:
        done = sum(report.done for report in ended.reports)
        failed = sum(len(report.failures) for report in ended.reports)
        if ended.cancelled or ended.stopped_by is not None or not done + failed:
            return
        text = tr_count("Batch: {count} photo denoised", "Batch: {count} photos denoised", done)
        if failed:
            text = tr("{summary}, {failed} failed", summary=text, failed=failed)
        desktop.notify(self.window(), tr("Batch"), text)
        if not self.is_open:
            self._controller.notify(Notice("batch", text, action=tr("Show"), act=lambda: self.set_open(True)))

    def _show_restored(self, size: int) -> None:
        text = tr_count(
            "{count} photo of the last batch is left", "{count} photos of the last batch are left", size
        )
        self._controller.notify(Notice("batch", text, action=tr("Show"), act=lambda: self.set_open(True)))

    def _end_slide(self) -> None:
        if self.is_open:
            self.setMinimumHeight(self.maximumHeight())
        else:
            self.hide()
            self.opened.emit(False)


def _bar_of(*items: qt.QWidget | None) -> qt.QWidget:
    bar = qt.QWidget()
    bar.setLayout(row(*items, margins=_MARGINS))
    return bar
