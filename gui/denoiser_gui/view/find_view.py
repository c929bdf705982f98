"""The Find view: copies, look-alikes and odd ones out among the open photos, each group as a strip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.finding import Found, FoundPhoto, FoundStrip, PhotoFinder, Sorting, StripKind
from denoiser_gui.model.notices import hint_of, message_of
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr, tr_count
from denoiser_gui.view import theme
from denoiser_gui.view.thumbnails import Thumbnails, framed, paint_badge, untinted
from denoiser_gui.view.widgets import (
    STRETCH,
    button,
    column,
    label,
    plain_combo,
    row,
    scroll_area,
    separator,
    styled,
    tool_button,
)
from denoiser_gui.worker import WorkerThread

PHOTO = Qt.ItemDataRole.UserRole  # FoundPhoto
_FRAME = qt.QSize(118, 80)  # of a thumbnail
_CELL = qt.QSize(130, 114)
_STRIP = 132  # px high, with its scroll bar
_STEPS = 1000  # of the progress bar
_NICENESS = 10  # the preview has priority
_MOST_STRIPS = 100  # more would be slow to draw
_NO_INDEX = qt.QModelIndex()
Index = qt.QModelIndex | qt.QPersistentModelIndex


class FindView(qt.QWidget):
    """Searches while it is shown, and again after photos were opened or closed. GUI thread only."""

    photo_chosen = Signal(object)  # Path
    closed = Signal()

    _progressed = Signal(float)

    def __init__(self, controller: Controller, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._controller, self._thumbnails = controller, thumbnails
        self._worker = controller.own(WorkerThread("find", controller, niceness=_NICENESS))
        self._finder = PhotoFinder()
        self._searched: list[Path] = []  # the photos of the result, or of the running search
        self.found: Found | None = None
        styled(self, "canvas")
        self.setAccessibleName(tr("Find"))
        self._build()
        self._progressed.connect(self._show_progress, Qt.ConnectionType.QueuedConnection)
        controller.photos_changed.connect(self._note_photos)
        thumbnails.arrived.connect(lambda _key: self._repaint())

    def stop(self) -> None:
        """Stop the search; what was read is kept for the next one."""
        self._worker.cancel("find")
        self._searched = []
        self._bar.hide()
        self._stop.hide()
        self._again.show()
        self._state.setText(tr("Stopped."))

    def search(self) -> None:
        """Search the open photos, unless the result is current."""
        paths = [photo.path for photo in self._controller.photos if photo.path is not None]
        if paths == self._searched:
            return
        self._searched = paths
        self._state.setText(tr("Comparing photos…"))
        self._bar.setValue(0)
        self._bar.show()
        self._stop.show()
        self._again.hide()
        progress = self._progressed.emit

        def job(cancel: CancelToken) -> Found:
            return self._finder.find(paths, progress, cancel)

        self._worker.submit("find", job, self._take, self._fail)

    # --- widgets ---

    def _build(self) -> None:
        self._state = label(role="second")
        self._state.setWordWrap(True)
        self._sorting = plain_combo(tr("Sort photos by"))
        for sorting, text in _sortings().items():
            self._sorting.addItem(text, sorting)
        self._sorting.currentIndexChanged.connect(lambda _: self._show_strips())
        self._bar = qt.QProgressBar()
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(tr("Progress of the search"))
        self._stop = button(tr("Stop"), "quiet", "stop", self.stop)
        self._again = button(tr("Search again"), "quiet", "retry", self.search)
        close = tool_button("close", tr("Back to the photo"), self.closed.emit)
        margins = (2 * theme.UNIT, 4, theme.UNIT, 4)
        header = row(
            label(tr("Find"), "heading"), self._state, STRETCH, self._stop, self._again, self._sorting, close,
            margins=margins,
        )  # fmt: skip
        header.setStretchFactor(self._state, 1)
        self._area = scroll_area(styled(qt.QWidget(), "canvas"))
        whole = column(header, self._bar, separator(), self._area)
        whole.setStretchFactor(self._area, 1)
        self.setLayout(whole)
        self._bar.hide()
        self._stop.hide()
        self._again.hide()

    def showEvent(self, event: qt.QShowEvent) -> None:
        super().showEvent(event)
        self.search()

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    # --- results ---

    def _note_photos(self) -> None:
        if self.isVisible():
            self.search()

    def _take(self, found: Found) -> None:
        self.found = found
        self._end(_summary(found))
        self._show_strips()

    def _fail(self, error: DenoiserError) -> None:
        self._searched = []
        self._end(f"{message_of(error)} {hint_of(error)}".strip())
        self._again.show()

    def _end(self, text: str) -> None:
        self._bar.hide()
        self._stop.hide()
        self._state.setText(text)

    def _show_progress(self, share: float) -> None:
        self._bar.setValue(round(_STEPS * share))

    def _show_strips(self) -> None:
        """Replace the strips by those of the result, in the chosen order."""
        strips = () if self.found is None else self.found.strips[:_MOST_STRIPS]
        content = styled(qt.QWidget(), "canvas")
        content.setLayout(column(*(self._section(strip) for strip in strips), STRETCH))
        self._area.setWidget(content)  # deletes the one before

    def _section(self, strip: FoundStrip) -> qt.QWidget:
        photos = strip.sorted_by(self._sorting.currentData())
        view = _StripList(_title(strip))
        view.setModel(_PhotoList(photos, strip.kind, self._thumbnails, view))
        view.clicked.connect(self._choose)
        view.activated.connect(self._choose)
        section = qt.QWidget()
        section.setLayout(column(label(_title(strip), "heading"), view, margins=(2 * theme.UNIT, 8, theme.UNIT, 0)))
        return section

    def _choose(self, at: qt.QModelIndex) -> None:
        self.photo_chosen.emit(at.data(PHOTO).path)

    def _repaint(self) -> None:
        for view in self._area.findChildren(_StripList):
            view.viewport().update()


class _PhotoList(qt.QAbstractListModel):
    """The photos of one strip."""

    def __init__(
        self, photos: tuple[FoundPhoto, ...], kind: StripKind, thumbnails: Thumbnails, parent: qt.QObject
    ) -> None:
        super().__init__(parent)
        self._photos, self._kind, self._thumbnails = photos, kind, thumbnails

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._photos)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        photo = self._photos[index.row()]
        match role:
            case Qt.ItemDataRole.UserRole:
                return photo
            case Qt.ItemDataRole.DisplayRole:
                return photo.path.name
            case Qt.ItemDataRole.SizeHintRole:
                return _CELL - qt.QSize(4, 4)  # with a gap
            case Qt.ItemDataRole.FontRole:
                return theme.interface_font(10)
            case Qt.ItemDataRole.DecorationRole:
                return self._thumbnail(photo)
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                return _caption(photo, self._kind)
        return None

    def _thumbnail(self, photo: FoundPhoto) -> qt.QIcon:
        """The thumbnail, with a tick on the best of several copies."""
        pixmap = framed(self._thumbnails.get(photo.path), _FRAME)
        if photo.is_best:
            painter = qt.QPainter(pixmap)
            paint_badge(painter, _FRAME, "check", "good")
            painter.end()
        return untinted(pixmap)


class _StripList(qt.QListView):
    """A horizontal list; the wheel scrolls the view around it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setProperty("role", "strip")
        self.setAccessibleName(name)
        self.setViewMode(qt.QListView.ViewMode.IconMode)
        self.setFlow(qt.QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(qt.QListView.Movement.Static)
        self.setFrameShape(qt.QFrame.Shape.NoFrame)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setIconSize(_FRAME)
        self.setGridSize(_CELL)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollMode(qt.QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(_STRIP)

    def wheelEvent(self, event: qt.QWheelEvent) -> None:
        event.ignore()


def _sortings() -> dict[Sorting, str]:
    return {
        Sorting.SIMILARITY: tr("By similarity"),
        Sorting.SIZE: tr("By size"),
        Sorting.SHARPNESS: tr("By sharpness"),
        Sorting.NAME: tr("By name"),
    }


def _title(strip: FoundStrip) -> str:
    count = len(strip.photos)
    match strip.kind:
        case StripKind.COPIES:
            return tr("{count} copies of one photo", count=count)
        case StripKind.LOOK_ALIKES:
            return tr("{count} similar photos", count=count)
        case StripKind.ODD:
            return tr_count("{count} photo unlike the others", "{count} photos unlike the others", count)


def _caption(photo: FoundPhoto, kind: StripKind) -> str:
    lines = [
        photo.path.name,
        f"{photo.width} × {photo.height}",
        tr("sharpness {value}", value=f"{photo.sharpness:.3f}"),
    ]
    score = f"{photo.score:.2f}"
    lines.append(
        tr("{value} times as isolated as others", value=score)
        if kind is StripKind.ODD
        else tr("similarity {value}", value=score)
    )
    if photo.is_best:
        lines.append(tr("the copy with the most detail"))
    return "\n".join(lines)


def _summary(found: Found) -> str:
    if not found.strips:
        text = tr_count(
            "{count} photo compared: nothing similar or odd",
            "{count} photos compared: nothing similar or odd",
            found.compared,
        )
    else:
        text = tr_count("{count} photo compared", "{count} photos compared", found.compared)
    if found.unreadable:
        text += tr(", {count} could not be read", count=found.unreadable)
    if len(found.strips) > _MOST_STRIPS:
        text += tr(", the first {count} groups are shown", count=_MOST_STRIPS)
    return text
