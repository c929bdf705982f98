"""The bar below the view of trust: a legend, numbers, the colour, and a button to keep more detail."""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.requests import TRUST_COLOURS, View
from denoiser_gui.qt import Signal
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.canvas import PhotoCanvas
from denoiser_gui.view.widgets import STRETCH, ElidedLabel, button, label, plain_combo, row, styled

_HEIGHT = 40
_LEGEND = qt.QSize(96, 10)


class TrustBar(qt.QWidget):
    """Visible in the view of trust only."""

    detail_requested = Signal()  # denoise less where structure may have been removed

    def __init__(self, controller: Controller, canvas: PhotoCanvas) -> None:
        super().__init__()
        self._controller, self._canvas = controller, canvas
        styled(self, "bar")
        self.setFixedHeight(_HEIGHT)
        self.legend = _Legend()
        self.numbers = ElidedLabel()
        self.numbers.setAccessibleName(tr("Trust"))
        self.colour = plain_combo(tr("Colour of removed structure"))
        for name, text in _colours().items():
            self.colour.addItem(text, name)
        self.colour.setFixedWidth(96)
        self.keep = button(tr("Keep more detail here"), "outline", pressed=self.detail_requested.emit)
        scale = (label(tr("structure removed"), "second"), self.legend, label(tr("noise only"), "second"))
        self.setLayout(row(*scale, 12, self.numbers, STRETCH, self.colour, self.keep, margins=(20, 0, 12, 0)))
        self.colour.activated.connect(lambda _: controller.remember(trust_colour=self.colour.currentData()))
        controller.preferences_changed.connect(lambda _: self._show_colour())
        controller.viewer.view_changed.connect(lambda view: self.setVisible(view is View.TRUST))
        controller.viewer.frame_ready.connect(lambda _: self._show_numbers())
        canvas.pointed.connect(self._show_numbers)
        self._show_colour()
        self.setVisible(controller.viewer.view is View.TRUST)

    def _show_colour(self) -> None:
        name = self._controller.preferences.trust_colour
        self.colour.setCurrentIndex(self.colour.findData(name))
        self.legend.show_colour(name)

    def _show_numbers(self) -> None:
        frame = self._canvas.frame
        if frame is None or frame.trust is None:
            self.numbers.set_text("")
            return
        parts = [tr("trust {value} in this part", value=f"{float(frame.trust.mean()):.2f}")]
        at = self._canvas.pointed_at
        here = frame.trust_at(*at) if at is not None else None
        if here is not None:
            parts.append(tr("{value} at the pointer", value=f"{here:.2f}"))
        self.numbers.set_text(" · ".join(parts))


class _Legend(qt.QWidget):
    """The colours from trust 0 to 1, over mid-grey."""

    def __init__(self) -> None:
        super().__init__()
        self._colour = qt.QColor()
        self.setFixedSize(_LEGEND)
        self.setAccessibleName(tr("Legend: trust from 0 to 1"))

    def show_colour(self, name: str) -> None:
        """Show the scale of a colour."""
        self._colour = qt.QColor(*TRUST_COLOURS[name])
        self.update()

    def paintEvent(self, _event: qt.QPaintEvent) -> None:
        painter = qt.QPainter(self)
        painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
        place = qt.QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        shades = qt.QLinearGradient(place.topLeft(), place.topRight())
        shades.setColorAt(0, self._colour)
        shades.setColorAt(1, qt.QColor("#777777"))
        painter.setPen(qt.QPen(theme.colour("line"), 1))
        painter.setBrush(shades)
        painter.drawRoundedRect(place, 3, 3)


def _colours() -> dict[str, str]:
    return {"amber": tr("Amber"), "red": tr("Red"), "green": tr("Green"), "blue": tr("Blue")}
