"""`denoise restore`: fills masked pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from denoiser.batch import Settings
from denoiser.errors import UsageError
from denoiser.options import BatchOptions, InpaintOptions, ReadOptions, WriteOptions
from denoiser_cli.completion import complete_value
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import PLACES, ExampleCommand, Flag, OutputMode, collect, option_flags, speaking_flags
from denoiser_cli.render_json import JsonOutput
from denoiser_cli.render_text import TextOutput

_EXAMPLE = "denoise restore scan.png --mask mask.png --out restored.png"
_EXAMPLES = f"""\
{_EXAMPLE}
denoise restore ./scans --mask ./masks --out ./restored          a mask for each image
denoise restore ./imgs --mask dead-pixels.png --out ./restored   one mask for all
"""
_WRITING = ("format", "depth", "quality", "strip")


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@click.option(
    "--mask",
    cls=Flag,
    section="Files",
    metavar="PATH",
    help="Image, white where pixels are filled, or folder of them. [required]",
)
@click.option("--out", cls=Flag, section="Files", metavar="PATH", help="Output folder or file. [required]")
@option_flags(BatchOptions, section="Files", only=PLACES)
@option_flags(InpaintOptions, section="Filling")
@option_flags(WriteOptions, section="Writing", only=_WRITING)
@option_flags(ReadOptions, section="Reading")
@speaking_flags
@click.pass_obj
def command(
    mode: OutputMode,
    /,
    paths: tuple[str, ...],
    mask: str | None,
    out: str | None,
    **words: Any,
) -> int:
    """Fill scratches, dust, dead pixels and other masked parts of images.

    The mask has the size of the image and is white where pixels are filled. All other pixels keep their values.
    Format, bit depth, metadata and colour profile are kept.
    """
    if not paths:
        raise UsageError("No image or folder given.", hint=f"For example: {_EXAMPLE}")
    if not mask:
        raise UsageError(
            "--mask is missing: an image that is white where pixels are filled.", hint=f"For example: {_EXAMPLE}"
        )
    if not out:
        raise UsageError(
            "--out is missing: the folder or file for the restored images.", hint=f"For example: {_EXAMPLE}"
        )
    options = collect(InpaintOptions, words)
    settings = Settings(
        read=collect(ReadOptions, words),
        write=collect(WriteOptions, {name: words[name] for name in _WRITING}),
        batch=collect(BatchOptions, words),
    )
    from denoiser.workbench.inpainting import restore_images  # slow import (torch)

    output = JsonOutput() if mode.json else TextOutput(mode, "restored", resumes=False)
    with stopping_politely(output.message) as cancel, output:
        report = restore_images(
            [Path(path) for path in paths],
            Path(mask),
            Path(out),
            options,
            settings,
            listener=output.handle,
            cancel=cancel,
        )
    output.finish(report, Path(out))
    return report.exit_code
