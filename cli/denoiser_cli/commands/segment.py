"""`denoise segment`: groups pixels and writes label images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from denoiser.batch import Settings
from denoiser.errors import UsageError
from denoiser.options import BatchOptions, ReadOptions, SegmentOptions
from denoiser_cli.completion import complete_value
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import PLACES, ExampleCommand, Flag, OutputMode, collect, option_flags, speaking_flags
from denoiser_cli.render_json import JsonOutput
from denoiser_cli.render_text import TextOutput

_EXAMPLE = "denoise segment ./imgs --clusters 4 --out ./labels"
_EXAMPLES = f"""\
{_EXAMPLE}
denoise segment a.jpg --clusters 2 --out ./labels
denoise segment ./imgs --clusters 6 --out ./labels --size 2048   finer, slower
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@click.option("--out", cls=Flag, section="Files", metavar="DIR", help="Output folder. [required]")
@option_flags(BatchOptions, section="Files", only=PLACES)
@option_flags(SegmentOptions, section="Segmentation")
@option_flags(ReadOptions, section="Reading")
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...], out: str | None, **words: Any) -> int:
    """Group the pixels of images by their texture and colour.

    Writes NAME.png, a grey image whose values are the labels from 0, and NAME-overlay.jpg, which shows them as
    colours. Labels agree between images: the clusters are fitted to all of them, or to 200 if there are more.
    """
    if not paths:
        raise UsageError("No image or folder given.", hint=f"For example: {_EXAMPLE}")
    if not out:
        raise UsageError("--out is missing: the folder for the labels.", hint=f"For example: {_EXAMPLE}")
    options = collect(SegmentOptions, words)
    settings = Settings(read=collect(ReadOptions, words), batch=collect(BatchOptions, words))
    from denoiser.workbench.segmentation import segment_images  # slow import (torch)

    output = JsonOutput() if mode.json else TextOutput(mode, "segmented", resumes=False)
    with stopping_politely(output.message) as cancel, output:
        report = segment_images(
            [Path(path) for path in paths],
            Path(out),
            options,
            settings,
            listener=output.handle,
            cancel=cancel,
        )
    output.finish(report, Path(out))
    return report.exit_code
