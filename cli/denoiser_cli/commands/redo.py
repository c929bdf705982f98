"""`denoise redo`: makes an output again from its ticket, and says whether it is the same."""

from __future__ import annotations

from pathlib import Path

import click

from denoiser.errors import UsageError
from denoiser_cli.flags import Flag, Manner, Verb, speaking_flags
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import say, shown

_EXAMPLES = """\
denoise redo ./clean/a.jpg --from ./imgs/a.jpg                 is it what its ticket says?
denoise redo ./clean/a.jpg --from ./imgs/a.jpg --out b.jpg     make it again
"""
_HINT = "For example: denoise redo ./clean/a.jpg --from ./imgs/a.jpg"


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("made", metavar="FILE", type=Path)
@click.option("--from", "source", cls=Flag, metavar="SOURCE", type=Path, help="What it was made from. [required]")
@click.option("--out", cls=Flag, metavar="PATH", type=Path, help="Write what comes out here.")
@click.option("--model", cls=Flag, metavar="FILE", default="", help="The weights, where no name finds them.")
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, made: Path, source: Path | None, out: Path | None, model: str) -> int:
    """Make an output again from its ticket.

    The ticket in the XMP of an output says what made it: version, weights, options, device, precision, tiles. Exit
    code 0 when all pixels are the same, which they are on the same device in the same precision; otherwise 1.
    """
    from denoiser_cli import remaking  # not needed for --help

    if source is None:
        raise UsageError("--from is missing: which picture was it made from?", hint=_HINT)
    with stopping_politely() as cancel:
        redone = remaking.remade(made, source, out, model, cancel)
    if manner.json:
        remaking.emit(redone, made, source, out)
    elif not manner.quiet or not redone.same:
        same = "the same pixels" if redone.same else f"{redone.differing:.2%} of the pixels differ"
        say(f"{shown(made)}: {same}{f'; {redone.why}' if redone.why else ''}.")
    return 0 if redone.same else 1
