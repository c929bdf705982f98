"""`denoise redo`: repeats the processing of an output and compares the result."""

from __future__ import annotations

from pathlib import Path

import click

from denoiser.errors import UsageError
from denoiser_cli.flags import Flag, Manner, Verb, speaking_flags
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import say, shown

_EXAMPLES = """\
denoise redo ./clean/a.jpg --from ./imgs/a.jpg                 check an output
denoise redo ./clean/a.jpg --from ./imgs/a.jpg --out b.jpg     write it again
"""
_HINT = "For example: denoise redo ./clean/a.jpg --from ./imgs/a.jpg"


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("made", metavar="FILE", type=Path)
@click.option("--from", "source", cls=Flag, metavar="SOURCE", type=Path, help="The source image. [required]")
@click.option("--out", cls=Flag, metavar="PATH", type=Path, help="Write the result to this file.")
@click.option("--model", cls=Flag, metavar="FILE", default="", help="Weights file, if the model is not installed.")
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, made: Path, source: Path | None, out: Path | None, model: str) -> int:
    """Repeat the processing of an output and compare the result.

    The processing record in the XMP of an output lists version, weights, options, device, precision and tiles. The
    exit code is 0 if all pixels are equal, as expected on the same device and precision, otherwise 1.
    """
    from denoiser_cli import remaking  # not needed for --help

    if source is None:
        raise UsageError("--from is missing: the source image.", hint=_HINT)
    with stopping_politely() as cancel:
        redone = remaking.remade(made, source, out, model, cancel)
    if manner.json:
        remaking.emit(redone, made, source, out)
    elif not manner.quiet or not redone.same:
        same = "identical pixels" if redone.same else f"{redone.differing:.2%} of the pixels differ"
        say(f"{shown(made)}: {same}{f'; {redone.why}' if redone.why else ''}.")
    return 0 if redone.same else 1
