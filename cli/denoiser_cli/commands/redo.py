"""`denoise redo`: repeats the processing of an output and compares the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from denoiser.errors import UnsafeOutput, UsageError
from denoiser.events import CancelToken
from denoiser_cli.completion import complete_value
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags
from denoiser_cli.lines import shown, to_stderr

if TYPE_CHECKING:
    from denoiser.batch.redo import Redone

_EXAMPLES = """\
denoise redo ./clean/a.jpg --from ./imgs/a.jpg                 check an output
denoise redo ./clean/a.jpg --from ./imgs/a.jpg --out b.jpg     write it again
"""
_HINT = "For example: denoise redo ./clean/a.jpg --from ./imgs/a.jpg"


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("made", metavar="FILE", type=Path, shell_complete=complete_value)
@click.option("--from", "source", cls=Flag, metavar="SOURCE", type=Path, help="The source image. [required]")
@click.option("--out", cls=Flag, metavar="PATH", type=Path, help="Write the result to this file.")
@click.option("--mask", cls=Flag, metavar="FILE", type=Path, help="The mask, if the output was made with one.")
@click.option("--model", cls=Flag, metavar="FILE", default="", help="Weights file, if the model is not installed.")
@speaking_flags
@click.pass_obj
def command(
    mode: OutputMode, /, made: Path, source: Path | None, out: Path | None, mask: Path | None, model: str
) -> int:
    """Repeat the processing of an output and compare the result.

    The processing record in the XMP of an output lists version, weights, options, device, precision and tiles. The
    exit code is 0 if all pixels are equal, as expected on the same device and precision, otherwise 1.
    """
    if source is None:
        raise UsageError("--from is missing: the source image.", hint=_HINT)
    with stopping_politely() as cancel:
        redone = _remade(made, source, out, mask, model, cancel)
    if mode.json:
        _emit(redone, made, source, out)
    elif not mode.quiet or not redone.same:
        same = "identical pixels" if redone.same else f"{redone.differing:.2%} of the pixels differ"
        to_stderr(f"{shown(made)}: {same}{f'; {redone.why}' if redone.why else ''}.")
    return 0 if redone.same else 1


def _remade(
    made: Path, source: Path, out: Path | None, mask: Path | None, model: str, cancel: CancelToken
) -> Redone:
    """Repeat the processing, compare, and write the result to *out* if given. Never overwrites."""
    from denoiser import imageio
    from denoiser.batch.redo import redo  # slow import; not needed for --help

    if out is not None and out.exists():
        if any(out.samefile(path) for path in (made, source) if path.exists()):
            raise UnsafeOutput(f"{out}: is an input; inputs are never overwritten.")
        raise UsageError(f"{out}: already exists.", hint="Choose another name for --out.")
    redone = redo(made, source, model=model, mask=mask, cancel=cancel)
    if out is not None:
        imageio.write(redone.image, out, redone.settings.write)
    return redone


def _emit(redone: Redone, made: Path, source: Path, out: Path | None) -> None:
    """Print one JSON object to stdout."""
    record = redone.record
    values = {
        "file": str(made),
        "source": str(source),
        "out": str(out) if out else None,
        "same": redone.same,
        "differing": redone.differing,
        "ticket": {"version": record.version, "model": record.model, "sha256": record.digest}
        | dict(record.place)
        | {"options": dict(record.options), "noise": dict(record.noise), "torch": record.torch},
    }
    click.echo(json.dumps(values))
