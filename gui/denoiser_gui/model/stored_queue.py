"""The unfinished photos of the batch on disk, so that the next start of the app can continue it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from denoiser.atomicfile import whole_file
from denoiser.batch.settings import MaskFile, Settings
from denoiser.errors import UsageError
from denoiser_gui.model.batch_queue import BatchRow, RowState
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.stored_settings import data_folder

_MOST_BYTES = 1 << 28  # a hundred thousand rows have 30 MB


def queue_file() -> Path:
    """Path of the file."""
    return data_folder() / "batch.json"


def save_queue(rows: Sequence[BatchRow], path: Path | None = None) -> None:
    """Write the rows that are not finished; remove the file if there are none."""
    path = path or queue_file()
    left = [_plain(row) for row in rows if row.state not in (RowState.DONE, RowState.ALREADY_DONE)]
    if not left:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as file:
        file.write(json.dumps(left, indent=1).encode())


def load_queue(path: Path | None = None) -> list[BatchRow]:
    """The rows as they were saved. Invalid ones are left out."""
    try:
        with (path or queue_file()).open("rb") as file:
            listed = json.loads(file.read(_MOST_BYTES).decode())
    except (OSError, ValueError, RecursionError):
        return []
    rows = [_row(values) for values in listed] if isinstance(listed, list) else []
    return [row for row in rows if row is not None]


def _plain(row: BatchRow) -> dict[str, Any]:
    settings, mask = PhotoSettings(row.settings.denoise, row.settings.write), row.settings.mask
    failed = row.state is RowState.FAILED
    return {
        "source": str(row.source),
        "root": None if row.root is None else str(row.root),
        "settings": settings.differing(),
        "sigma": row.sigma,
        **({"mask": [str(mask.path), mask.sha256]} if mask is not None else {}),
        "megapixels": row.megapixels,
        **({"problem": row.problem, "hint": row.hint, "in_the_way": row.in_the_way} if failed else {}),
    }


def _row(values: Any) -> BatchRow | None:
    try:
        settings = PhotoSettings().changed(**values["settings"])
        root, failed = values["root"], "problem" in values
        path, digest = values.get("mask", ("", ""))
        return BatchRow(
            Path(values["source"]),
            Settings(
                denoise=settings.denoise,
                write=settings.write,
                mask=MaskFile(Path(path), str(digest)) if digest else None,
            ),
            None if root is None else Path(root),
            RowState.FAILED if failed else RowState.WAITING,
            fraction=1.0 if failed else 0.0,
            megapixels=float(values["megapixels"]),
            sigma=None if values["sigma"] is None else float(values["sigma"]),
            problem=str(values.get("problem", "")),
            hint=str(values.get("hint", "")),
            in_the_way=bool(values.get("in_the_way", False)),
        )
    except (KeyError, TypeError, ValueError, UsageError):
        return None
