"""The histogram: the denoised photo as areas, the original as a line, and marks for clipped pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from denoiser_gui import qt
from denoiser_gui.model.requests import Overview
from denoiser_gui.qt import Qt
from denoiser_gui.translation import tr
from denoiser_gui.view import theme

_HEIGHT = 44
_CHANNELS = ("#e0605a", "#5fb06c", "#5b8fe0")  # the usual red, green and blue of histograms
_MARK = 7  # px; side of a clipping mark
_VISIBLE = 0.0005  # share of clipped pixels from which a side is marked
_FULL = 0.02  # share from which the mark is opaque
_TOP = 0.995  # quantile of the bins that sets the scale, so that one peak does not flatten the rest


class Histogram(qt.QWidget):
    """Draws the histograms of an overview, with a mark in a corner where pixels are clipped."""

    def __init__(self) -> None:
        super().__init__()
        self._overview: Overview | None = None
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName(tr("Histogram"))
        theme.current().changed.connect(self.update)

    def show_counts(self, overview: Overview | None) -> None:
        """Show the histograms of a photo, or nothing."""
        self._overview = overview
        self.setAccessibleDescription("")
        self.setToolTip("")
        if overview is not None:
            bins = overview.after.shape[1]
            share = round(100 * float((overview.after * np.arange(bins)).sum(axis=1).mean()) / bins)
            clipping = _clipping(overview)
            self.setToolTip(clipping)
            self.setAccessibleDescription(f"{tr('Mean brightness {share} %', share=share)}. {clipping}")
        self.update()

    def paintEvent(self, _event: qt.QPaintEvent) -> None:
        painter = qt.QPainter(self)
        painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
        place = qt.QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("well"))
        painter.drawRoundedRect(place, 4, 4)
        if self._overview is None:
            return
        before, after = self._overview.before, self._overview.after
        top = max(float(np.quantile(np.concatenate([after, before]), _TOP)), 1e-6)
        inner = place.adjusted(4, 6, -4, -2)
        is_grey = bool(np.array_equal(after[0], after[1]))
        modes = qt.QPainter.CompositionMode
        painter.setCompositionMode(
            modes.CompositionMode_Plus if theme.current().colours.is_dark else modes.CompositionMode_Multiply
        )
        inks = [theme.colour("second", 0.8)] if is_grey else [qt.QColor(channel) for channel in _CHANNELS]
        for ink, counts in zip(inks, after, strict=False):
            ink.setAlphaF(0.8 if is_grey else 0.55)
            painter.setBrush(ink)
            painter.drawPath(_shape(counts, inner, top))
        painter.setCompositionMode(modes.CompositionMode_SourceOver)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(qt.QPen(theme.colour("text", 0.55), 1))
        painter.drawPath(_shape(before.mean(axis=0), inner, top, closed=False))
        self._draw_clipping(painter, place)

    def _draw_clipping(self, painter: qt.QPainter, place: qt.QRectF) -> None:
        """Draw a corner at the left for clipped shadows, at the right for highlights; softer for smaller shares."""
        assert self._overview is not None
        shadows, highlights = self._overview.clipped_after
        painter.setPen(Qt.PenStyle.NoPen)
        for share, corner, step in ((shadows, place.topLeft(), _MARK), (highlights, place.topRight(), -_MARK)):
            if share < _VISIBLE:
                continue
            painter.setBrush(theme.colour("accent", 0.35 + 0.65 * min(share / _FULL, 1.0)))
            x, y = corner.x() + step / 4, corner.y() + _MARK / 4
            points = [qt.QPointF(x, y), qt.QPointF(x + step, y), qt.QPointF(x, y + _MARK)]
            painter.drawPolygon(points)


def _clipping(overview: Overview) -> str:
    """The shares of clipped pixels as text."""
    before, after = (
        [f"{100 * share:.2f}" for share in shares] for shares in (overview.clipped_before, overview.clipped_after)
    )
    shadows = tr("Shadows clipped: {after} % (original {before} %)", after=after[0], before=before[0])
    highlights = tr("Highlights clipped: {after} % (original {before} %)", after=after[1], before=before[1])
    return f"{shadows}\n{highlights}"


def _shape(counts: NDArray[np.float32], place: qt.QRectF, top: float, *, closed: bool = True) -> qt.QPainterPath:
    path = qt.QPainterPath(place.bottomLeft())
    for at, count in enumerate(counts):
        across = place.left() + place.width() * (at + 0.5) / len(counts)
        height = place.height() * min(float(count) / top, 1.0) ** 0.5
        point = qt.QPointF(across, place.bottom() - height)
        path.lineTo(point) if at or closed else path.moveTo(point)
    if closed:
        path.lineTo(place.bottomRight())
        path.closeSubpath()
    return path
