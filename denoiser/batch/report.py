"""What a run did, in numbers and names, and the exit code that says so."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.errors import Cancelled, DenoiserError
from denoiser.events import FileFailed


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a run. *left* counts the jobs that were not begun or given up, because the run stopped early."""

    done: int = 0
    already_there: int = 0
    passed: int = 0
    left: int = 0
    failures: tuple[FileFailed, ...] = ()
    notes: tuple[tuple[str, int], ...] = ()  # what people should know of the outputs, and of how many
    megapixels: float = 0.0
    seconds: float = 0.0
    cancelled: bool = False
    stopped_by: DenoiserError | None = None  # what would have failed every other file as well

    @property
    def exit_code(self) -> int:
        """0 all done · 1 some files failed · 130 stopped on request; the failures' own code when all share it."""
        if self.cancelled:
            return Cancelled.exit_code
        codes = {failure.error.exit_code for failure in self.failures}
        return codes.pop() if len(codes) == 1 and not self.done else int(bool(self.failures))
