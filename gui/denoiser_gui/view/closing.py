"""Closing the window: not while a photo is being saved, and not during a batch without a question."""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.batch_control import BatchControl
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice, Severity
from denoiser_gui.saver import Saver
from denoiser_gui.translation import tr
from denoiser_gui.view.dialogs import QuestionDialog


class Closing(qt.QObject):
    """Decides whether a window may close, and asks or waits if it may not yet."""

    def __init__(self, window: qt.QWidget, controller: Controller, saver: Saver, batch: BatchControl) -> None:
        super().__init__(window)
        self._window, self._controller, self._saver, self._batch = window, controller, saver, batch
        self._stops_batch = self._cuts_saving = False
        self.question: QuestionDialog | None = None

    def is_allowed(self) -> bool:
        """Whether the window may close now."""
        if self._batch.is_running and not self._stops_batch:
            self._ask()
            return False
        if self._saver.is_busy and not self._cuts_saving:
            self._wait()
            return False
        return True

    def force(self) -> None:
        """Close in any case."""
        self._stops_batch = self._cuts_saving = True
        self._window.close()

    def _wait(self) -> None:
        self._cuts_saving = True
        self._saver.saved.connect(lambda _: self._window.close())
        text, close = tr("The window closes when the photo is saved."), tr("Close now")
        self._controller.notify(Notice("closing", text, "", Severity.QUESTION, close, self._window.close))

    def _ask(self) -> None:
        if self.question is not None:
            self.question.raise_()
            return
        texts = (
            tr("A batch is running. Stop it and quit?"),
            tr("Finished photos are kept. The others stay in the queue, also after a restart of the app."),
        )
        self.question = QuestionDialog(self._window, tr("Quit"), texts, tr("Stop and quit"), tr("Keep running"))
        self.question.finished.connect(self._take_answer)
        self.question.open()

    def _take_answer(self, answer: int) -> None:
        self.question = None
        if answer == qt.QDialog.DialogCode.Accepted:
            self._stops_batch = True
            self._window.close()
