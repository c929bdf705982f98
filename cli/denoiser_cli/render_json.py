"""Prints events as one JSON object per line to stdout.

Every object has "event". Undecodable bytes in paths are lone surrogates, as in `os.fsdecode`. New keys may be
added; existing keys keep their meaning.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from denoiser.batch import Plan, Report
from denoiser.errors import DenoiserError
from denoiser.events import (
    Event,
    FileDone,
    FileFailed,
    FileSkipped,
    FileStarted,
    SeriesFound,
    Started,
    TileDone,
    WorkerLost,
)

# Keys of each object besides "event". docs/cli.md shows this table; a test compares it with the code.
KEYS: dict[str, tuple[str, ...]] = {
    "started": ("files", "megapixels"),
    "file_started": ("source", "megapixels"),
    "tile_done": ("done", "total", "megapixels"),
    "file_done": ("source", "target", "megapixels", "seconds", "notes", "facts"),
    "file_failed": ("source", "kind", "message", "hint"),
    "file_skipped": ("source", "reason", "target"),
    "series_found": ("series", "frames", "noise", "reason"),
    "worker_lost": ("cause", "sources"),
    "finished": (
        *("done", "cleaned", "copied", "converted", "already_there", "passed", "failed", "left"),
        *("megapixels", "seconds", "exit_code"),
    ),
    "planned": ("source", "target", "megapixels", "again"),
    "latent": (
        *("source", "width", "height", "channels", "bits", "alpha", "exact", "quality", "step", "bytes"),
        *(
            "picture_bytes",
            "metadata_bytes",
            "bits_per_pixel",
            "tiles",
            "weights",
            "model",
            "noise",
            "cleaned",
            "holds",
            "profile",
            "thumbnail",
        ),
        *("from", "chunks", "passed_over"),
    ),
    "verified": ("source",),
    "training": (
        *("step", "loss", "fraction", "seconds_left", "megapixels_per_second"),
        *("validation_psnr", "note", "unit"),
    ),
    "embedded": ("images", "reused", "clusters", "probe", "folds", "error", "pca_error"),
    "similar": ("group", "kind", "path", "keep", "width", "height", "sharpness", "similarity"),
    "examined": ("can_clean", "remarks", "sections"),
    "error": ("kind", "message", "hint", "exit_code"),
}


class JsonOutput:
    """Prints for programs, with the interface of TextOutput."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def handle(self, event: Event) -> None:
        """Print one object per event."""
        match event:
            case Started() | FileStarted() | TileDone() | FileDone() | FileSkipped() | SeriesFound() | WorkerLost():
                emit(_name(event), {key: getattr(event, key) for key in KEYS[_name(event)]})
            case FileFailed():
                emit("file_failed", {"source": event.source} | error_words(event.error))

    def message(self, line: str) -> None:
        """Ignore lines meant for people."""

    def finish(self, report: Report, out: Path) -> None:  # noqa: ARG002 - the interface of TextOutput
        """Print the last object of a run."""
        words = {key: getattr(report, key) for key in KEYS["finished"] if key not in ("passed", "failed")}
        emit("finished", words | {"passed": report.skipped, "failed": len(report.failures)})


def emit(event: str, words: dict[str, Any]) -> None:
    """Print one object immediately, with its keys in order."""
    print(json.dumps({"event": event} | {key: words[key] for key in KEYS[event]}, default=str), flush=True)


def error_words(error: DenoiserError) -> dict[str, Any]:
    """Return an error as JSON values."""
    return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}


def emit_plan(plan: Plan) -> None:
    """Print the plan of a run, one object per file."""
    for job in plan.jobs:
        emit("planned", {key: getattr(job, key) for key in KEYS["planned"]})
    for job in plan.already_there:
        emit("file_skipped", {"source": job.source, "reason": "done already", "target": job.target})
    for skipped in plan.skipped:
        emit("file_skipped", {"source": skipped.path, "reason": skipped.reason, "target": None})
    for job, error in plan.blocked:
        emit("file_failed", {"source": job.source} | error_words(error))


def _name(event: Event) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
