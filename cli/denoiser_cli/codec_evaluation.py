"""`denoise evaluate codec`: compares latent files with common formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from denoiser.atomicfile import whole_file
from denoiser.errors import UsageError
from denoiser.events import CancelToken
from denoiser.options import DenoiseOptions
from denoiser_cli.flags import Manner
from denoiser_cli.lines import one_line, say, shown

_DRAWING = ".svg"


def evaluate_codec(
    manner: Manner,
    folder: Path,
    options: DenoiseOptions,
    *,
    limit: int | None,
    picture: str | None,
    told: Callable[[str], None],
    cancel: CancelToken,
) -> None:
    """Print the comparison, and draw its curves if *picture* is given."""
    from denoiser.evaluation import rd_report
    from denoiser.evaluation.rate_distortion import compare

    drawing = _drawing(picture)
    comparison = compare(
        folder,
        model=options.model,
        device=options.device,
        precision=options.precision,
        limit=limit,
        told=told,
        cancel=cancel,
    )
    if manner.json:
        click.echo(json.dumps(rd_report.as_values(comparison)))
    else:
        click.echo("\n".join(map(one_line, rd_report.as_text(comparison).splitlines())))
    if drawing is not None:
        with whole_file(drawing) as file:
            file.write(rd_report.as_svg(comparison).encode())
        if not manner.quiet:
            say(f"Curves in {shown(drawing)}")


def refuse_words_of_denoisers(context: click.Context) -> None:
    """Raise UsageError for a flag that does not apply to codecs."""
    for name in ("kind", "levels", "grey", "automatic", "baselines", "robustness", "noise_level"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            flag = f"--{name.rstrip('s') if name in ('levels', 'baselines') else name.replace('_', '-')}"
            raise UsageError(f"{flag} applies to `denoise evaluate denoiser` only.", hint="Leave it out.")


def _drawing(picture: str | None) -> Path | None:
    if picture is None:
        return None
    path = Path(picture)
    if path.suffix.lower() != _DRAWING:
        raise UsageError(f"Curves are drawn as SVG, not as {path.suffix or 'a file without a suffix'}.",
                         hint="Choose another --picture, for example --picture curves.svg")  # fmt: skip
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}.")
    return path
