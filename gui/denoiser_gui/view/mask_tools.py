"""The mask tools: a bar with brush and gradients. The overlay on the canvas shows the mask and takes strokes.

A stroke changes a reduced copy of the mask at once. When it ends, it becomes a step of the mask of the photo, which
the preview then draws exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.mask import (
    Ink,
    Inverted,
    Linear,
    Mask,
    MaskDrawer,
    Point,
    Radial,
    Step,
    Stroke,
    TrustMap,
    begun,
    trust_step,
)
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.requests import ExportRequest, FinishedPhoto, inference_of
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view.mask_overlay import MaskOverlay
from denoiser_gui.view.widgets import STRETCH, ValueSlider, button, column, label, row, segments, styled
from denoiser_gui.worker import WorkerThread

BRUSH, LINEAR, RADIAL = "brush", "linear", "radial"
_SIZE, _SOFTNESS, _STRENGTH = 0.08, 0.5, 1.0  # at the start; the size as a share of the longer side
_SIZES = (0.004, 0.5)
_STEP = 1.25  # of the brush size, for each key press
_SLIDER = 120  # px
_SEGMENTS = 30  # px high


class MaskTools(qt.QWidget):
    """The bar below the canvas. It is hidden until the mask is edited; then the canvas takes strokes."""

    edited = Signal(bool)  # the tools were shown or hidden

    def __init__(self, controller: Controller, overlay: MaskOverlay) -> None:
        super().__init__()
        styled(self, "bar")
        self._controller, self.overlay = controller, overlay
        self._worker = controller.own(WorkerThread("mask", controller))
        self._drawer = MaskDrawer()
        self._shown: Mask | None = None  # in the overlay
        self.tools = {key: _tool(*texts) for key, texts in _tools().items()}
        group = qt.QButtonGroup(self)
        for tool in self.tools.values():
            group.addButton(tool)
        self.tools[BRUSH].setChecked(True)
        self.erase = _tool(tr("Erase"))
        self.brush_size = _slider(tr("Size of the brush"), *_SIZES, _SIZE, bend=0.5)
        self.softness = _slider(tr("Softness of the edge"), 0.0, 1.0, _SOFTNESS)
        self.strength = _slider(tr("Strength of the tool"), 0.0, 1.0, _STRENGTH)
        self.show_overlay = _tool(tr("Overlay"))
        self.show_overlay.setChecked(True)
        self.trust = button(tr("From trust map"), "quiet", pressed=self.use_trust)
        self.invert = button(tr("Invert"), "quiet", pressed=self.invert_mask)
        self.clear = button(tr("Clear"), "quiet", pressed=self.clear_mask)
        self._lay_out()
        self.show_overlay.toggled.connect(overlay.set_visible)
        overlay.started.connect(self._start)
        overlay.drawn.connect(self._add)
        for slider in (self.brush_size, self.softness, self.strength):
            slider.moved.connect(lambda _: self._show_tool())
        for tool in (*self.tools.values(), self.erase):
            tool.toggled.connect(lambda _: self._show_tool())
        controller.settings_changed.connect(lambda _: self._show_mask())
        controller.photo_loaded.connect(lambda _: self._show_mask())
        self.hide()

    # --- what the actions do --------------------------------------------------------------------------------------

    def edit(self, on: bool) -> None:
        """Show or hide the tools; while they are shown, the mouse draws on the photo."""
        self.setVisible(on)
        self.overlay.set_active(on)
        self._show_mask()
        self.edited.emit(on)

    def resize_brush(self, factor: float) -> None:
        """Make the brush larger or smaller."""
        self.brush_size.set_position_of(min(max(self.brush_size.amount * factor, _SIZES[0]), _SIZES[1]))

    def handlers(self) -> dict[str, Callable[[], Any]]:
        """The handlers of the actions of the mask."""
        return {
            "mask": lambda: self.edit(not self.isVisible()),
            "mask_brush": lambda: self._choose(BRUSH),
            "mask_linear": lambda: self._choose(LINEAR),
            "mask_radial": lambda: self._choose(RADIAL),
            "mask_erase": self.erase.toggle,
            "mask_overlay": self.show_overlay.toggle,
            "mask_larger": lambda: self.resize_brush(_STEP),
            "mask_smaller": lambda: self.resize_brush(1 / _STEP),
            "mask_trust": self.use_trust,
            "mask_invert": self.invert_mask,
            "mask_clear": self.clear_mask,
        }

    def invert_mask(self) -> None:
        """Exchange black and white; without a mask everything becomes black."""
        self._controller.set_mask(begun(self._mask, erases=True).then(Inverted()))

    def clear_mask(self) -> None:
        """Remove the mask: full strength everywhere."""
        self._controller.set_mask(None)

    def use_trust(self) -> None:
        """Make the trust map the mask, once the whole photo is denoised."""
        pyramid, options = self._controller.current_pyramid, self._controller.settings.denoise
        if pyramid is None:
            return

        def measure(finished: FinishedPhoto) -> None:
            self._worker.submit("trust", lambda _: trust_step(finished.source, finished.cleaned.image), take)

        def take(step: TrustMap) -> None:
            current = self._controller.current
            if current is not None and current.key == pyramid.key:
                self._controller.set_mask(Mask((step,)))

        text = tr("The mask is made from the trust map when the whole photo is denoised.")
        self._controller.notify(Notice("mask", text))
        failed = self._controller.notice_of("mask")
        self._controller.viewer.export(ExportRequest(pyramid, inference_of(options), measure, failed))

    # --- drawing --------------------------------------------------------------------------------------------------

    @property
    def _mask(self) -> Mask | None:
        return self._controller.settings.mask

    @property
    def _ink(self) -> Ink:
        strength = self.strength.amount
        return Ink(0.0, strength) if self.erase.isChecked() else Ink(strength, 1.0)

    def _choose(self, name: str) -> None:
        self.edit(True)
        self.tools[name].setChecked(True)

    def _step(self, points: tuple[Point, ...]) -> Step:
        """The step that the chosen tool makes of a drag."""
        if self.tools[LINEAR].isChecked():
            return Linear(points[0], points[-1], self._ink)
        if self.tools[RADIAL].isChecked():
            return Radial(points[0], points[-1], self.softness.amount, self._ink)
        return Stroke(points, self.brush_size.amount, self.softness.amount, self._ink)

    def _start(self) -> None:
        """Give the overlay what it draws over, before the first stroke of a mask."""
        if self._mask is None:
            self.overlay.fill(1.0 if self.erase.isChecked() else 0.0)

    def _add(self, points: tuple[Point, ...]) -> None:
        mask = begun(self._mask, erases=self.erase.isChecked()).then(self._step(points))
        self._shown = mask  # the overlay has it already
        self._controller.set_mask(mask)

    def _show_tool(self) -> None:
        is_brush = self.tools[BRUSH].isChecked()
        self.brush_size.setEnabled(is_brush)
        self.softness.setEnabled(not self.tools[LINEAR].isChecked())
        self.overlay.set_tool(self._step, self.brush_size.amount if is_brush else 0.0)

    def _show_mask(self) -> None:
        """Draw the mask of the photo for the overlay, in the worker."""
        pyramid, mask = self._controller.current_pyramid, self._mask
        self.clear.setEnabled(mask is not None)
        for widget in (self.invert, self.trust):
            widget.setEnabled(pyramid is not None)
        if not self.isVisible() or pyramid is None:
            self.overlay.show_plane(None)
            self._shown = None
            return
        image = pyramid.image
        self.overlay.set_photo(image.width, image.height)
        if mask is None:
            self._worker.cancel("overlay")
            self.overlay.show_plane(None)
            self._shown = None
        elif mask != self._shown:
            self._shown = mask
            region = self.overlay.region
            draw = lambda _: self._drawer.plane(mask, (region.height, region.width), region)  # noqa: E731
            self._worker.submit("overlay", draw, self.overlay.show_plane)
        self._show_tool()

    def _lay_out(self) -> None:
        tools = segments(list(self.tools.values()))
        tools.setFixedHeight(_SEGMENTS)
        named = [
            row(label(text, "second"), one, spacing=6) for text, one in zip(_names(), self._sliders(), strict=True)
        ]
        first = row(tools, self.erase, STRETCH, self.trust, self.invert, self.clear, self.show_overlay)
        self.setLayout(column(first, row(*named, STRETCH, spacing=16), margins=(20, 4, 12, 4), spacing=2))

    def _sliders(self) -> tuple[ValueSlider, ...]:
        return self.brush_size, self.softness, self.strength


def _tools() -> dict[str, tuple[str, str]]:
    """Text and full name of each tool."""
    return {
        BRUSH: (tr("Brush"), tr("Brush")),
        LINEAR: (tr("Linear"), tr("Linear gradient")),
        RADIAL: (tr("Radial"), tr("Radial gradient")),
    }


def _names() -> tuple[str, str, str]:
    return tr("Size"), tr("Softness"), tr("Strength")


def _tool(text: str, name: str = "") -> qt.QToolButton:
    """A button that stays pressed."""
    made = qt.QToolButton()
    made.setText(text)
    made.setToolTip(name or text)
    made.setAccessibleName(name or text)
    made.setCheckable(True)
    made.setProperty("role", "segment")
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made


def _slider(name: str, low: float, high: float, start: float, *, bend: float = 1.0) -> ValueSlider:
    made = ValueSlider(low, high, bend=bend, unit="%", factor=100)
    made.setFixedWidth(_SLIDER)
    made.setAccessibleName(name)
    made.setToolTip(name)
    made.set_amount(start)
    made.reset.connect(lambda: made.set_position_of(start))
    return made
