"""The colour profile of the display: that of the system, a file, or sRGB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from denoiser.errors import DenoiserError
from denoiser.imageio.screen import profile_at
from denoiser_gui import desktop
from denoiser_gui.model.preferences import SRGB
from denoiser_gui.worker import WorkerThread


class DisplayProfile:
    """Loads a profile in *worker*, its own, because services of the system may take seconds; *done* receives it.

    GUI thread only.
    """

    def __init__(
        self, worker: WorkerThread, done: Callable[[bytes | None], None], failed: Callable[[DenoiserError], None]
    ) -> None:
        self._worker, self._done, self._failed = worker, done, failed
        self._chosen, self._screen = "", ""

    def choose(self, chosen: str) -> None:
        """Load a file, SRGB, or with "" the profile of the system."""
        self._chosen, screen = chosen, self._screen
        if chosen == SRGB or not (chosen or screen):
            self._worker.cancel("profile")
            self._done(None)
        elif chosen:
            self._worker.submit("profile", lambda _: profile_at(Path(chosen)), self._done, self._failed)
        else:
            self._worker.submit("profile", lambda _: desktop.display_profile(screen), self._done)

    def use_screen(self, name: str) -> None:
        """Show colours for the display with this name in Qt."""
        if name != self._screen:
            self._screen = name
            self.choose(self._chosen)
