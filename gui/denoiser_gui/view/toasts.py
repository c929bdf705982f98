"""Notices over the canvas. They never move the photo.

Information disappears after a few seconds, unless the pointer rests on it. Questions and errors stay until they are
answered, solved or dismissed.
"""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.model.captions import breakable
from denoiser_gui.model.notices import Notice, Severity
from denoiser_gui.qt import Qt
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.icons import icon
from denoiser_gui.view.widgets import STRETCH, button, column, label, row, styled, tool_button

MOST = 3  # the oldest is removed
_WIDTH = 560  # px at most
_MARGIN = 5 * theme.UNIT  # below them, where pixel values are shown
_TICK_MS = 250
_LEAST_MS, _MS_PER_CHARACTER = 5000, 50  # time to read a notice
_ICONS = {
    Severity.INFO: ("info", "second"),
    Severity.QUESTION: ("info", "accent"),
    Severity.ERROR: ("warning", "bad"),
}


class Toasts(qt.QWidget):
    """The current notices over *host*, newest at the bottom; hidden when there are none."""

    def __init__(self, host: qt.QWidget) -> None:
        super().__init__(host)
        self._host = host
        self._shown: dict[str, Toast] = {}
        self._layout = column(spacing=theme.UNIT)
        self.setLayout(self._layout)
        self.setAccessibleName(tr("Notices"))
        self._tick = qt.QTimer(self, interval=_TICK_MS)
        self._tick.timeout.connect(lambda: self.pass_time(_TICK_MS))
        host.installEventFilter(self)
        self.hide()

    @property
    def keys(self) -> list[str]:
        """The keys of the current notices."""
        return list(self._shown)

    def show_notice(self, notice: Notice) -> None:
        """Show a notice; it replaces an older one with the same key."""
        self._drop(notice.key)
        self._shown[notice.key] = toast = Toast(notice)
        toast.dismissed.connect(lambda: self.solve(notice.key))
        toast.acted.connect(lambda: self._act(notice))
        self._layout.addWidget(toast)
        for key in self.keys[:-MOST]:
            self._drop(key)
        self.show()
        self._place()

    def solve(self, key: str) -> None:
        """Remove the notice with this key."""
        self._drop(key)
        if self._shown:
            self._place()
        else:
            self.hide()

    def pass_time(self, ms: int) -> None:
        """Remove notices whose time is over; time stands still under the pointer."""
        for key, toast in list(self._shown.items()):
            if toast.pass_time(ms):
                self.solve(key)

    def eventFilter(self, _host: qt.QObject, event: qt.QEvent) -> bool:
        if event.type() in (qt.QEvent.Type.Resize, qt.QEvent.Type.ChildAdded, qt.QEvent.Type.LayoutRequest):
            self._place()
        return False

    def showEvent(self, event: qt.QShowEvent) -> None:
        super().showEvent(event)
        self._tick.start()

    def hideEvent(self, event: qt.QHideEvent) -> None:
        super().hideEvent(event)
        self._tick.stop()

    def _place(self) -> None:
        if not self._shown:
            return
        width = min(_WIDTH, self._host.width() - 4 * theme.UNIT)
        height = self._layout.totalHeightForWidth(width)
        left, top = (self._host.width() - width) // 2, self._host.height() - height - _MARGIN
        self.setGeometry(left, max(top, 0), width, height)
        self.raise_()

    def _act(self, notice: Notice) -> None:
        self.solve(notice.key)
        if notice.act is not None:
            notice.act()

    def _drop(self, key: str) -> None:
        toast = self._shown.pop(key, None)
        if toast is not None:
            self._layout.removeWidget(toast)
            toast.hide()
            toast.deleteLater()


class Toast(qt.QFrame):
    """One notice: full text, hint and action."""

    dismissed = qt.Signal()
    acted = qt.Signal()

    def __init__(self, notice: Notice) -> None:
        super().__init__()
        styled(self, "toast")
        self.setAccessibleName(" ".join(filter(None, (notice.text, notice.hint))))
        reading = max(_LEAST_MS, _MS_PER_CHARACTER * len(notice.text + notice.hint))
        self._left_ms = reading if notice.severity is Severity.INFO else None
        sign = label()
        name, colour = _ICONS[notice.severity]
        sign.setPixmap(icon(name, colour).pixmap(qt.QSize(18, 18), theme.scale()))
        shown = [_text(notice.text, ""), *([_text(notice.hint, "second")] if notice.hint else [])]
        texts = column(*shown, spacing=2)
        action = [button(notice.action, "link", pressed=self.acted.emit)] if notice.action else []
        dismiss = tool_button("close", tr("Dismiss"), self.dismissed.emit)
        margins = (2 * theme.UNIT, 6, theme.UNIT, 6)
        content = row(column(2, sign, STRETCH), texts, *action, column(dismiss, STRETCH), margins=margins)
        content.setStretchFactor(texts, 1)
        self.setLayout(content)

    def pass_time(self, ms: int) -> bool:
        """Whether the time is over after *ms* more."""
        if self._left_ms is None or self.underMouse():
            return False
        self._left_ms -= ms
        return self._left_ms <= 0


def _text(text: str, role: str) -> qt.QLabel:
    made = label(breakable(text), role)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(True)
    made.setSizePolicy(qt.QSizePolicy.Policy.Ignored, qt.QSizePolicy.Policy.Preferred)
    return made
