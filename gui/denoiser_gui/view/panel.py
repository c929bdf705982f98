"""The Denoise panel: options, histogram, facts about the photo, and the save buttons.

The histogram shows the denoised photo, with the original as a line.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser import models
from denoiser.options import DenoiseOptions, controls
from denoiser_gui.controller import Controller
from denoiser_gui.model import captions
from denoiser_gui.model.controls import PhotoSettings
from denoiser_gui.model.requests import EngineStatus, Overview
from denoiser_gui.qt import (
    QColor,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPointF,
    QPushButton,
    QRectF,
    QScrollArea,
    QSize,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWidget,
    Signal,
)
from denoiser_gui.view import icons, theme
from denoiser_gui.view.control_rows import ChoiceRow, LevelRow, PresetsRow, row_for, word_of
from denoiser_gui.view.widgets import separator
from denoiser_gui.words import tr

LOOK = ("noise_level", "strength", "colour_noise", "detail", "grain")  # always visible
PLACE = ("model", "device")
RARE = ("hot_pixels", "passes", "precision", "tile", "batch_size", "memory")  # collapsed


class Panel(QWidget):
    """Shows and changes the options of the current photo."""

    model_file_wanted = Signal()
    save_wanted = Signal()
    batch_wanted = Signal()

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.setProperty("role", "panel")
        defaults = {field.name: field.default for field in dataclasses.fields(DenoiseOptions)}
        self.rows = {
            name: row_for(name, control, defaults[name]) for name, control in controls(DenoiseOptions).items()
        }
        for row in self.rows.values():
            row.chosen.connect(self._choose)
        self.presets = PresetsRow(controller)
        self.histogram = Histogram()
        self._facts = QLabel()
        self._kept: tuple[int, float | None] = (0, None)  # key of a photo, share that was kept as in the source
        self.save = QPushButton(tr("Save"))
        self.to_batch = QPushButton(tr("Add to batch"))
        self._build()
        controller.settings_changed.connect(self._show_settings)
        controller.estimate_changed.connect(self._show_estimate)
        controller.picture_ready.connect(lambda _: self._show_facts())
        controller.current_changed.connect(self._show_current)
        controller.viewer.doing_changed.connect(self._show_kept)
        controller.viewer.overview_ready.connect(self._show_overview)
        controller.files.submit("models", lambda _: models.entries(), self._take_models)
        self._show_settings(controller.settings)
        self._show_current(controller.current)

    @property
    def level(self) -> LevelRow:
        """The row of the noise level."""
        row = self.rows["noise_level"]
        assert isinstance(row, LevelRow)
        return row

    # --- building -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(20, 12, 20, 8)
        column.setSpacing(7)
        self._add_rows(column, LOOK)
        column.addWidget(separator())
        places = QVBoxLayout()
        places.setSpacing(0)
        self._add_rows(places, PLACE)
        places.addWidget(self.presets)
        self._fold = self._folded(places)
        column.addLayout(places)
        column.addWidget(separator())
        column.addWidget(_heading(tr("Histogram")))
        column.addWidget(self.histogram)
        column.addWidget(separator())
        column.addWidget(_heading(tr("Photo")))
        self._facts.setProperty("role", "second")
        self._facts.setWordWrap(True)
        self._facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self._facts)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(inner)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addLayout(self._buttons())

    def _add_rows(self, column: QVBoxLayout, names: tuple[str, ...]) -> None:
        for name in names:
            column.addWidget(self.rows[name])

    def _folded(self, column: QVBoxLayout) -> QPushButton:
        fold = QPushButton(tr("More"))
        fold.setProperty("role", "quiet")
        fold.setCheckable(True)
        fold.setIconSize(QSize(12, 12))
        fold.setIcon(icons.icon("down", "second"))
        fold.setAccessibleDescription(tr("Show advanced options."))
        inside = QWidget()
        lines = QVBoxLayout(inside)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(0)
        for name in RARE:
            lines.addWidget(self.rows[name])
        inside.hide()
        fold.toggled.connect(inside.setVisible)
        fold.toggled.connect(lambda on: fold.setIcon(icons.icon("up" if on else "down", "second")))
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.addStretch()
        line.addWidget(fold)
        column.addLayout(line)
        column.addWidget(inside)
        return fold

    def _buttons(self) -> QVBoxLayout:
        self.save.setProperty("role", "primary")
        self.save.clicked.connect(self.save_wanted)
        self.to_batch.setProperty("role", "quiet")
        self.to_batch.clicked.connect(self.batch_wanted)
        foot = QVBoxLayout()
        foot.setContentsMargins(20, 8, 20, 8)
        foot.setSpacing(2)
        foot.addWidget(self.save)
        centred = QHBoxLayout()
        centred.addStretch()
        centred.addWidget(self.to_batch)
        centred.addStretch()
        foot.addLayout(centred)
        return foot

    # --- display --------------------------------------------------------------------------------------------------

    def show_batch_count(self, count: int) -> None:
        """Show how many photos the button adds."""
        self.to_batch.setText(tr("Add to batch ({count})", count=count) if count > 1 else tr("Add to batch"))
        self.to_batch.setEnabled(count > 0)

    def _show_settings(self, settings: PhotoSettings) -> None:
        for name, row in self.rows.items():
            row.show_value(getattr(settings.denoise, name))
        self._show_facts()

    def _show_estimate(self, estimate: Any) -> None:
        self.level.show_measured(None if estimate is None else estimate.sigma)
        self._show_facts()

    def _show_current(self, photo: Any) -> None:
        for row in self.rows.values():
            row.setEnabled(photo is not None)
        for widget in (self.presets, self.save):
            widget.setEnabled(photo is not None)
        if photo is None:
            self.level.show_measured(None)
            self.histogram.show_counts(None)
            self.show_batch_count(0)
        self._show_facts()

    def _show_facts(self) -> None:
        current = self._controller.current
        picture = self._controller.picture(current.key) if current is not None else None
        if picture is None:
            self._facts.setText("")
            return
        lines = [
            captions.shot_line(picture),
            captions.lens_line(picture),
            captions.file_line(picture),
            captions.noise_line(self._controller.estimate),
            captions.kept_line(self._kept_share(picture.key)),
        ]
        self._facts.setText("\n".join(line for line in [*lines, *picture.image.notes] if line))

    def _show_kept(self, doing: EngineStatus) -> None:
        kept = (doing.photo, doing.kept_share)
        if kept != self._kept:
            self._kept = kept
            self._show_facts()

    def _kept_share(self, key: int) -> float | None:
        unchanged = self._controller.settings.denoise.strength == 0
        return None if unchanged or key != self._kept[0] else self._kept[1]

    def _show_overview(self, overview: Any) -> None:
        if overview.request.picture is self._controller.viewer.picture:
            self.histogram.show_counts(overview)

    def _take_models(self, entries: list[Any]) -> None:
        row = self.rows["model"]
        assert isinstance(row, ChoiceRow)
        names = [entry.name for entry in entries if entry.card.task == "denoiser"]
        known = [(word_of("auto"), "auto"), *((name.removeprefix("denoiser-"), name) for name in names)]
        row.set_choices([*known, (tr("From a file…"), None)])
        row.show_value(self._controller.settings.denoise.model)

    def _choose(self, name: str, value: Any) -> None:
        if name == "model" and value is None:
            self.rows[name].show_value(self._controller.settings.denoise.model)
            self.model_file_wanted.emit()
            return
        self._controller.change(**{name: value})


def _heading(words: str) -> QLabel:
    heading = QLabel(words)
    heading.setProperty("role", "heading")
    return heading


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
