"""List model of the open photos, and the delegates of the film strip.

The last row adds more photos. A delegate paints the thumbnail with status and caption, or the name alone.
"""

from __future__ import annotations

from denoiser_gui.model import captions
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.qt import (
    QAbstractListModel,
    QFontMetrics,
    QImage,
    QModelIndex,
    QObject,
    QPainter,
    QPainterPath,
    QPen,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
)
from denoiser_gui.view import theme
from denoiser_gui.view.icons import paint_icon
from denoiser_gui.view.thumbnails import Thumbnails
from denoiser_gui.words import tr

Index = QModelIndex | QPersistentModelIndex
PHOTO = Qt.ItemDataRole.UserRole  # OpenPhoto; None for the last row
_NOWHERE = QModelIndex()


class PhotoList(QAbstractListModel):
    """One row per photo in the order of the strip, and one to add photos."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._photos: list[OpenPhoto] = []

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() or not self._photos else len(self._photos) + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() > len(self._photos):
            return None
        photo = self._photos[index.row()] if index.row() < len(self._photos) else None
        if role == PHOTO:
            return photo
        if role == Qt.ItemDataRole.DisplayRole:
            return photo.name if photo else tr("Add photos")
        if role == Qt.ItemDataRole.ToolTipRole:
            return captions.in_full(photo) if photo else tr("Add photos")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return captions.in_full(photo).replace("\n", ", ") if photo else tr("Add photos")
        return None

    def put(self, photos: tuple[OpenPhoto, ...]) -> None:
        """Show these photos; appends rows if only new photos were added."""
        new, old = list(photos), self._photos
        if new[: len(old)] == old and old and len(new) > len(old):
            self.beginInsertRows(QModelIndex(), len(old), len(new) - 1)
            self._photos = new
            self.endInsertRows()
            return
        self.beginResetModel()
        self._photos = new
        self.endResetModel()

    def change(self, photo: OpenPhoto) -> None:
        """Update one photo."""
        row = self.row_of(photo.key)
        if row is not None:
            self._photos[row] = photo
            at = self.index(row)
            self.dataChanged.emit(at, at)

    def row_of(self, key: int) -> int | None:
        """The row of a photo."""
        return next((row for row, photo in enumerate(self._photos) if photo.key == key), None)

    def photo_at(self, index: Index) -> OpenPhoto | None:
        """The photo of a row; None for the last row."""
        found = self.data(index, PHOTO)
        return found if isinstance(found, OpenPhoto) else None


FRAME = QSize(120, 80)  # px of the picture
_GAP = 10
_TOP = 12
_RADIUS = 4.0
_CAPTION_HEIGHT = 18
_BADGE = 18.0
_STATES = {PhotoStatus.SAVED: ("check", "good"), PhotoStatus.FAILED: ("warning", "bad")}

_State = QStyle.StateFlag


class FrameDelegate(QStyledItemDelegate):
    """Paints thumbnails; requests them while painting, so that only visible ones are made."""

    def __init__(self, thumbnails: Thumbnails, parent: QObject) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        return QSize(FRAME.width() + _GAP, theme.STRIP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        photo = index.data(PHOTO)
        frame = QRectF(option.rect.x() + _GAP / 2 + 2, option.rect.y() + _TOP, FRAME.width() - 2, FRAME.height())
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        if isinstance(photo, OpenPhoto):
            self._paint_photo(painter, frame, photo, option)
        else:
            _paint_more(painter, frame, option)
        painter.restore()

    def _paint_photo(
        self, painter: QPainter, frame: QRectF, photo: OpenPhoto, option: QStyleOptionViewItem
    ) -> None:
        look = theme.current()
        paint_picture(painter, frame, self._thumbnails.get_of(photo))
        if photo.stage in _STATES:
            _paint_badge(painter, frame, *_STATES[photo.stage])
        elif photo.stage is PhotoStatus.DRAFT:
            _paint_dot(painter, frame)
        _paint_ring(painter, frame, option)
        place = QRect(int(frame.x()), int(frame.bottom()) + 5, int(frame.width()), _CAPTION_HEIGHT)
        painter.setFont(theme.interface_font(theme.CAPTION_PX - 1))
        beside = captions.beside_the_name(photo)
        after = f" · {beside}" if beside else ""
        metrics = QFontMetrics(painter.font())
        room = place.width() - metrics.horizontalAdvance(after)
        name = metrics.elidedText(photo.name, Qt.TextElideMode.ElideMiddle, room)
        is_current = bool(option.state & _State.State_Selected)
        painter.setPen(look.colour("text" if is_current else "second"))
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        painter.setPen(look.colour("bad" if photo.stage is PhotoStatus.FAILED else "second"))
        place.setLeft(place.left() + metrics.horizontalAdvance(name))
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, after)


class NameDelegate(QStyledItemDelegate):
    """Paints a single row of names with status dots."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        font = theme.interface_font(theme.CAPTION_PX + 1)
        width = QFontMetrics(font).horizontalAdvance(self._words(index))
        return QSize(min(width, 220) + 34, theme.STRIP_OF_NAMES)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look = theme.current()
        photo = index.data(PHOTO)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pill = QRectF(option.rect).adjusted(4, 5, -2, -5)
        chosen = bool(option.state & _State.State_Selected)
        if chosen or option.state & _State.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("selected" if chosen else "hover"))
            painter.drawRoundedRect(pill, 5, 5)
        _paint_ring(painter, pill, option)
        stage = photo.stage if isinstance(photo, OpenPhoto) else None
        dot = {PhotoStatus.SAVED: "good", PhotoStatus.FAILED: "bad", PhotoStatus.DRAFT: "accent"}.get(
            stage or PhotoStatus.NEW, "track"
        )
        if isinstance(photo, OpenPhoto):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour(dot))
            painter.drawEllipse(QRectF(pill.x() + 8, pill.center().y() - 3, 6, 6))
        else:
            paint_icon(painter, QRectF(pill.x() + 5, pill.center().y() - 6, 12, 12), "open", look.colour("second"))
        painter.setFont(theme.interface_font(theme.CAPTION_PX + 1))
        painter.setPen(look.colour("text" if chosen else "second"))
        place = pill.adjusted(20, 0, -6, 0)
        words = QFontMetrics(painter.font()).elidedText(
            self._words(index), Qt.TextElideMode.ElideMiddle, int(place.width())
        )
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        painter.restore()

    @staticmethod
    def _words(index: Index) -> str:
        photo = index.data(PHOTO)
        if not isinstance(photo, OpenPhoto):
            return tr("Add photos")
        beside = captions.beside_the_name(photo)
        return f"{photo.name} · {beside}" if beside else photo.name


def paint_picture(painter: QPainter, frame: QRectF, small: QImage | None) -> None:
    """Paint the centre of a thumbnail into the frame; the frame stays empty without one."""
    edge = QPainterPath()
    edge.addRoundedRect(frame, _RADIUS, _RADIUS)
    painter.fillPath(edge, theme.current().colour("hover"))
    if small is None:
        return
    painter.save()
    painter.setClipPath(edge)
    scale = max(frame.width() / small.width(), frame.height() / small.height())
    part = QRectF(0, 0, frame.width() / scale, frame.height() / scale)
    part.moveCenter(QRectF(small.rect()).center())
    painter.drawImage(frame, small, part)
    painter.restore()


def _paint_badge(painter: QPainter, frame: QRectF, name: str, colour: str) -> None:
    """Paint the status in a corner, on a dark disc for contrast."""
    look = theme.current()
    disc = QRectF(frame.right() - _BADGE - 5, frame.y() + 5, _BADGE, _BADGE)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.colour("panel", 0.92))
    painter.drawEllipse(disc)
    paint_icon(painter, disc.adjusted(3, 3, -3, -3), name, look.colour(colour))


def _paint_dot(painter: QPainter, frame: QRectF) -> None:
    look = theme.current()
    painter.setPen(QPen(look.colour("panel", 0.92), 2))
    painter.setBrush(look.colour("accent"))
    painter.drawEllipse(QRectF(frame.right() - 14, frame.y() + 6, 8, 8))


def _paint_ring(painter: QPainter, frame: QRectF, option: QStyleOptionViewItem) -> None:
    """Ring around the selected photo, and a faint one around the hovered photo."""
    look = theme.current()
    chosen = bool(option.state & _State.State_Selected)
    focused = bool(option.state & _State.State_HasFocus)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if chosen or focused:
        painter.setPen(QPen(look.colour("focus" if chosen else "second"), 2))
        painter.drawRoundedRect(frame.adjusted(-1, -1, 1, 1), _RADIUS + 1, _RADIUS + 1)
        if chosen and focused:  # keyboard focus: a gap makes it a double ring
            painter.setPen(QPen(look.colour("window"), 1))
            painter.drawRoundedRect(frame.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
    elif option.state & _State.State_MouseOver:
        painter.setPen(QPen(look.colour("track"), 1))
        painter.drawRoundedRect(frame, _RADIUS, _RADIUS)


def _paint_more(painter: QPainter, frame: QRectF, option: QStyleOptionViewItem) -> None:
    look = theme.current()
    hovered = bool(option.state & (_State.State_MouseOver | _State.State_HasFocus))
    painter.setPen(QPen(look.colour("second" if hovered else "track"), 1, Qt.PenStyle.DashLine))
    painter.setBrush(look.colour("panel", 0.5))
    painter.drawRoundedRect(frame, _RADIUS, _RADIUS)
    ink = look.colour("text" if hovered else "second")
    paint_icon(painter, QRectF(frame.center().x() - 9, frame.center().y() - 19, 18, 18), "photos", ink)
    painter.setFont(theme.interface_font(theme.CAPTION_PX - 1))
    painter.setPen(ink)
    painter.drawText(
        frame.adjusted(4, 40, -4, 0), Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, tr("Add photos")
    )
    _paint_ring(painter, frame, option)
