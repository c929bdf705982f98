"""`denoise doctor`: one page to paste into a bug report."""

from __future__ import annotations

import json

import click

from denoiser.errors import Missing
from denoiser_cli.flags import Flag, Manner, Verb, speaking_flags
from denoiser_cli.lines import say

_EXAMPLES = """\
denoise doctor                       what is here, how fast it is, and what holds it back
denoise doctor --out ./clean         also whether pictures can be written there
denoise doctor > doctor.txt          for a bug report; names no person and no machine
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.option("--out", cls=Flag, metavar="DIR", default="", help="A folder for outputs. [default the current one]")
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, out: str) -> int:
    """Say on one page what is installed, whether it works, how fast it is, and what is slow and why.

    Everything is tried, nothing is sent or kept. It answers also where torch, a driver or the weights are broken,
    and exits with 4 where nothing can be cleaned.
    """
    from denoiser_cli.health import page  # not needed for --help
    from denoiser_cli.health.examination import examine

    findings = {}
    for part, section in examine(out):
        if not manner.quiet:
            say(f"{part.title}: examined")
        findings[part] = section
    click.echo(json.dumps(page.as_values(findings)) if manner.json else "\n".join(page.as_text(findings)))
    return 0 if page.can_clean(findings) else Missing.exit_code
