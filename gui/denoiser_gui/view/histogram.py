"""Histogram of the denoised photo, with the original as a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from denoiser_gui.model.requests import Overview
from denoiser_gui.qt import (
    QColor,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPointF,
    QRectF,
    QSizePolicy,
    Qt,
    QWidget,
)
from denoiser_gui.view import theme
from denoiser_gui.words import tr

_HEIGHT = 60
_CHANNELS = ("#e0605a", "#5fb06c", "#5b8fe0")  # the usual red, green and blue of histograms
_TOP = 0.995  # quantile of the bins that sets the scale, so that one peak does not flatten the rest


class Histogram(QWidget):
    """Draws the histograms of an overview."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before: NDArray[np.float32] | None = None
        self._after: NDArray[np.float32] | None = None
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Histogram"))
        theme.current().changed.connect(self.update)

    def show_counts(self, overview: Overview | None) -> None:
        """Show the histograms of a photo, or nothing."""
        self._before = None if overview is None else overview.before
        self._after = None if overview is None else overview.after
        if overview is not None:
            self.setAccessibleDescription(_in_words(overview.after))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("well"))
        painter.drawRoundedRect(place, 4, 4)
        if self._after is None or self._before is None:
            return
        top = max(float(np.quantile(np.concatenate([self._after, self._before]), _TOP)), 1e-6)
        inner = place.adjusted(4, 6, -4, -2)
        is_grey = bool(np.array_equal(self._after[0], self._after[1]))
        painter.setCompositionMode(
            QPainter.CompositionMode.CompositionMode_Plus
            if look.colours.is_dark
            else QPainter.CompositionMode.CompositionMode_Multiply
        )
        for channel in (0,) if is_grey else range(3):
            ink = look.colour("second", 0.8)
            if not is_grey:
                ink = QColor(_CHANNELS[channel])
                ink.setAlphaF(0.55)
            painter.setBrush(ink)
            painter.drawPath(_shape(self._after[channel], inner, top))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(look.colour("text", 0.55), 1))
        painter.drawPath(_shape(self._before.mean(axis=0), inner, top, closed=False))


def _shape(counts: NDArray[np.float32], place: QRectF, top: float, *, closed: bool = True) -> QPainterPath:
    path = QPainterPath(place.bottomLeft())
    for at, count in enumerate(counts):
        across = place.left() + place.width() * (at + 0.5) / len(counts)
        height = place.height() * min(float(count) / top, 1.0) ** 0.5
        point = QPointF(across, place.bottom() - height)
        path.lineTo(point) if at or closed else path.moveTo(point)
    if closed:
        path.lineTo(place.bottomRight())
        path.closeSubpath()
    return path


def _in_words(counts: NDArray[np.float32]) -> str:
    means = (counts * np.arange(counts.shape[1])).sum(axis=1) / counts.shape[1]
    share = round(float(means.mean()) * 100)
    return tr("Mean brightness {share} %", share=share)
