"""The result of a run: `Report` in numbers, with the exit code, and the file of --report with one row per file.

Rows follow the order in which files were finished and are written at once. CSV is for spreadsheets, JSON (an
array, one object per line) for programs. Results of earlier runs come from their records.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from denoiser.atomicfile import remove_leftovers, whole_file
from denoiser.batch.plan import Plan
from denoiser.errors import Cancelled, DenoiserError
from denoiser.events import Event, FileDone, FileFailed, FileSkipped, Listener, SeriesFound
from denoiser.storage import Url, location, publish


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run. *left* counts the jobs that remain because the run stopped early.

    Of the *done* images of a cleaning run, some are *cleaned*; in the others there was nothing to clean, and they
    were *copied* byte for byte, or *converted*: written again in another format or with other options.
    """

    done: int = 0
    cleaned: int = 0
    copied: int = 0
    converted: int = 0
    already_there: int = 0
    skipped: int = 0
    left: int = 0
    failures: tuple[FileFailed, ...] = ()
    notes: tuple[tuple[str, int], ...] = ()  # notes on outputs, and the number of outputs of each
    megapixels: float = 0.0
    seconds: float = 0.0
    cancelled: bool = False
    stopped_by: DenoiserError | None = None  # would fail every other file, too

    @property
    def exit_code(self) -> int:
        """0: all done; 1: some files failed; 130: stopped by the user; or the common exit code of all failures."""
        if self.cancelled:
            return Cancelled.exit_code
        codes = {failure.error.exit_code for failure in self.failures}
        return codes.pop() if len(codes) == 1 and not self.done else int(bool(self.failures))


# docs/manifest.md explains each; a test compares both.
COLUMNS = (
    "status",
    "source",
    "target",
    "megapixels",
    "seconds",
    "result",
    "noise_luma",
    "noise_chroma",
    "noise_kind",
    "model",
    "device",
    "precision",
    "tile",
    "series",
    "trust",
    "quality",
    "bytes",
    "picture_bytes",
    "metadata_bytes",
    "bits_per_pixel",
    "noisy_bytes",
    "notes",
    "error",
    "message",
    "hint",
)

_OF_LATENTS = ("quality", "bytes", "picture_bytes", "metadata_bytes", "bits_per_pixel", "noisy_bytes")
_OF_FACTS = ("seconds", "result", "model", "device", "precision", "tile", "series", "trust", *_OF_LATENTS)


@contextmanager
def reporting(plan: Plan, path: str, listener: Listener) -> Iterator[Listener]:
    """Yield a listener that writes the report and calls *listener*; without a *path*, yield *listener* itself.

    The file is written atomically when the block ends, and not at all after an exception.
    """
    if not path:
        yield listener
        return
    with _opened(path) as file:
        rows = _Csv(file) if path.lower().endswith(".csv") else _Json(file)
        records = {job.target: job.record for job in plan.already_there}

        def handle(event: Event) -> None:
            match event:
                case FileDone():
                    rows.add(_done("done", event, event.megapixels, {**event.facts, "notes": event.notes}))
                case FileFailed():
                    rows.add(_failed(event))
                case SeriesFound():
                    rows.add(_series(event))
                case FileSkipped():
                    rows.add(_skipped(event, records.get(event.target) if event.target else None))
            listener(event)

        yield handle
        rows.end()


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """Open the file of the report; it is uploaded in the end if its name is a URL."""
    target = location(name)
    if not isinstance(target, Url):
        remove_leftovers(target.parent)
        with whole_file(target) as file:
            yield file
        return
    with tempfile.TemporaryDirectory(prefix="denoise-") as folder:
        copy = Path(folder, target.name)
        with whole_file(copy) as file:
            yield file
        publish(copy, target)


class _Csv:
    def __init__(self, file: BinaryIO) -> None:
        # Undecodable names keep their bytes.
        self._text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        self._writer = csv.DictWriter(self._text, COLUMNS, restval="")
        self._writer.writeheader()

    def add(self, row: Mapping[str, Any]) -> None:
        words = "; ".join(row.get("notes", ()))
        self._writer.writerow({name: value for name, value in row.items() if value is not None} | {"notes": words})

    def end(self) -> None:
        self._text.flush()
        self._text.detach()  # the caller closes the file


class _Json:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._before = b"[\n"

    def add(self, row: Mapping[str, Any]) -> None:
        values = {name: row.get(name) for name in COLUMNS} | {"notes": list(row.get("notes", ()))}
        self._file.write(self._before + json.dumps(values, default=str).encode())
        self._before = b",\n"

    def end(self) -> None:
        self._file.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")


def _done(
    status: str, file: FileDone | FileSkipped, megapixels: float | None, facts: Mapping[str, Any]
) -> dict[str, Any]:
    noise = facts.get("noise") or {}
    row: dict[str, Any] = {"status": "kept" if facts.get("kept") else status, "megapixels": megapixels}
    row |= {"source": str(file.source), "target": str(file.target), "notes": facts.get("notes", ())}
    row |= {name: facts.get(name) for name in _OF_FACTS}
    return row | {f"noise_{name}": noise.get(name) for name in ("luma", "chroma", "kind")}


def _series(found: SeriesFound) -> dict[str, Any]:
    files = "1 file" if found.frames == 1 else f"{found.frames} files"
    row = {"status": "series", "series": found.series, "message": f"{files}, {found.reason}"}
    return row | {f"noise_{name}": value for name, value in found.noise.items()}


def _failed(failure: FileFailed) -> dict[str, Any]:
    error = failure.error
    words = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
    return {"status": "failed", "source": str(failure.source)} | words


def _skipped(event: FileSkipped, record: Mapping[str, Any] | None) -> dict[str, Any]:
    if record is not None:
        return _done("done already", event, record.get("megapixels"), record["facts"])
    return {"status": "passed over", "source": str(event.source), "message": event.reason}
