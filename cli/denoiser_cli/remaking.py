"""Implementation of `denoise redo`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from denoiser import imageio
from denoiser.batch.redo import Redone, redo
from denoiser.errors import UnsafeOutput, UsageError
from denoiser.events import CancelToken


def remade(made: Path, source: Path, out: Path | None, model: str, cancel: CancelToken) -> Redone:
    """Repeat the processing, compare, and write the result to *out* if given. Never overwrites."""
    if out is not None and out.exists():
        if any(out.samefile(path) for path in (made, source) if path.exists()):
            raise UnsafeOutput(f"{out}: is an input; inputs are never overwritten.")
        raise UsageError(f"{out}: already exists.", hint="Choose another name for --out.")
    redone = redo(made, source, model=model, cancel=cancel)
    if out is not None:
        imageio.write(redone.image, out, redone.settings.write)
    return redone


def emit(redone: Redone, made: Path, source: Path, out: Path | None) -> None:
    """Print one JSON object to stdout."""
    ticket = redone.ticket
    values = {
        "file": str(made),
        "source": str(source),
        "out": str(out) if out else None,
        "same": redone.same,
        "differing": redone.differing,
        "ticket": {"version": ticket.version, "model": ticket.model, "sha256": ticket.digest}
        | dict(ticket.place)
        | {"options": dict(ticket.options), "noise": dict(ticket.noise), "torch": ticket.torch},
    }
    click.echo(json.dumps(values))
