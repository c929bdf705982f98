"""The status line: state, model, device and speed on the left, the batch on the right."""

from __future__ import annotations

from denoiser_gui.model.requests import EngineStatus, State
from denoiser_gui.qt import QHBoxLayout, QLabel, Qt, QWidget
from denoiser_gui.view import theme
from denoiser_gui.view.control_rows import word_of
from denoiser_gui.words import tr

_WORTH_SAYING = 0.01  # seconds; the view was already complete below it


class StatusLine(QWidget):
    """One line at the bottom of the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "status")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(theme.STATUS)
        self._left, self._right = QLabel(), QLabel()
        self._left.setTextFormat(Qt.TextFormat.PlainText)
        self._left.setAccessibleName(tr("State"))
        self._right.setAccessibleName(tr("Batch"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 0, 20, 0)
        layout.addWidget(self._left)
        layout.addStretch()
        layout.addWidget(self._right)

    @property
    def words(self) -> str:
        """The text on the left."""
        return self._left.text()

    def show_status(self, doing: EngineStatus, state: State) -> None:
        """Show what the engine is doing; *state* is that of the drawn frame."""
        self._left.setText(" · ".join(part for part in _parts(doing, state) if part))
        self._left.setToolTip(doing.reason)
        self._left.setAccessibleDescription(doing.reason)

    def show_words(self, words: str) -> None:
        """Show another text on the left."""
        self._left.setText(words)
        self._left.setToolTip("")

    def show_batch(self, words: str) -> None:
        """Show the text of the batch."""
        self._right.setText(words)


def _parts(doing: EngineStatus, state: State) -> list[str]:
    names = {
        State.EXACT: tr("Exact"),
        State.DRAFT: tr("Draft"),
        State.WAITING: tr("Loading the model"),
        State.FAILED: tr("Not denoised"),
    }
    parts = [names[state]]
    if not doing.model:
        return parts
    parts += [doing.model.removeprefix("denoiser-"), f"{word_of(doing.device)} {doing.precision}".strip()]
    if doing.seconds_per_megapixel:
        parts.append(tr("{seconds} s/MP", seconds=f"{doing.seconds_per_megapixel:.2f}"))
    if state is State.EXACT and doing.shown_seconds >= _WORTH_SAYING:
        parts.append(
            tr(
                "{size} MP shown in {seconds} s",
                size=f"{doing.shown_megapixels:.1f}",
                seconds=f"{doing.shown_seconds:.2f}",
            )
        )
    if doing.progress < 1:
        parts.append(tr("{share} % of the photo ready", share=int(doing.progress * 100)))
    return parts
