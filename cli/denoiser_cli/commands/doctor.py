"""`denoise doctor`: a page for bug reports."""

from __future__ import annotations

import json

import click

from denoiser.errors import Missing
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags
from denoiser_cli.lines import to_stderr

_EXAMPLES = """\
denoise doctor                       check the installation
denoise doctor --out ./clean         also check this output folder
denoise doctor > doctor.txt          save a page for a bug report
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.option(
    "--out", cls=Flag, metavar="DIR", default="", help="Output folder to check. [default the current folder]"
)
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, out: str) -> int:
    """Check the installation, measure its speed, and explain problems.

    Nothing is sent or stored, and the page contains no personal names. It also works if torch, a driver or the
    weights are broken. The exit code is 4 if cleaning does not work.
    """
    from denoiser_cli.health import page  # not needed for --help

    findings = {}
    for check, section in page.examine(out):
        if not mode.quiet:
            to_stderr(f"{check.title}: checked")
        findings[check] = section
    click.echo(json.dumps(page.as_values(findings)) if mode.json else "\n".join(page.as_text(findings)))
    return 0 if page.can_clean(findings) else Missing.exit_code
