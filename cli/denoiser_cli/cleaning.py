"""What `denoise clean` does once its words are understood: files, a plan, or a single picture through a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from denoiser.batch import Plan, make_plan, run_plan
from denoiser.batch.layout import writable_row
from denoiser.errors import UnsafeOutput, UsageError
from denoiser.events import CancelToken
from denoiser.options import DenoiseOptions, ReadOptions, WriteOptions
from denoiser_cli.flags import Manner
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import one_line, say, shown
from denoiser_cli.render_json import JsonVoice, emit_plan
from denoiser_cli.render_text import TextVoice

if TYPE_CHECKING:
    from denoiser.engine import Session
    from denoiser.image import Image

PIPE = "-"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `denoise clean`, as it was meant."""

    sources: tuple[str, ...]
    out: str
    options: DenoiseOptions
    read: ReadOptions
    write: WriteOptions
    recursive: bool
    overwrite: bool

    def plan(self, cancel: CancelToken) -> Plan:
        """The plan of this call."""
        return make_plan(
            self.sources,
            self.out,
            write=self.write,
            recursive=self.recursive,
            overwrite=self.overwrite,
            cancel=cancel,
        )

    def open_session(self) -> Session:
        """The network of this call, ready to clean."""
        from denoiser.engine import open_session  # torch takes seconds, and a wrong path needs none of them

        return open_session(self.options)


def clean_files(call: Call, manner: Manner) -> int:
    """Carries out the plan and tells of it as it goes."""
    voice = JsonVoice() if manner.json else TextVoice(manner)
    with stopping_politely(voice.tell) as cancel:
        plan = call.plan(cancel)
        with voice:
            report = run_plan(
                plan, call.open_session, read=call.read, write=call.write, listener=voice.hear, cancel=cancel
            )
    voice.finish(report, Path(call.out))
    return report.exit_code


def show_plan(call: Call, manner: Manner) -> int:
    """Says exactly what a run would do; writes nothing."""
    with stopping_politely() as cancel:
        plan = call.plan(cancel)
    if manner.json:
        emit_plan(plan)
        return 0
    for job in plan.jobs:
        click.echo(f"{shown(job.source)} -> {shown(job.target)}")
    for job in plan.already_there:
        click.echo(f"{shown(job.source)}: skipped, {shown(job.target)} is there already")
    for passed in plan.passed:
        click.echo(f"{shown(passed.path)}: passed over, {one_line(passed.reason)}")
    for job, error in plan.blocked:
        click.echo(f"{shown(job.source)}: will fail, {one_line(error.message)}")
    if not manner.quiet:
        say(f"{len(plan.jobs)} to clean, {plan.megapixels:.1f} MP; nothing was written.")
    return 0


def clean_through_pipe(call: Call, manner: Manner) -> int:
    """Cleans a single picture that comes from standard input, or goes to standard output, or both."""

    if len(call.sources) > 1:
        raise UsageError("A pipe carries a single picture.", hint="Name one file, or a folder for --out.")
    if manner.json and call.out == PIPE:
        raise UsageError("--json and --out - both want standard output.", hint="Leave one out.")
    image = _read_piped(call)
    deliver = _deliver(call, image)
    with stopping_politely() as cancel:
        cleaned = call.open_session().clean(image, cancel=cancel)
        deliver(cleaned.image)
    if not manner.quiet:
        for note in dict.fromkeys((*image.notes, *cleaned.notes)):
            say(one_line(note))
    return 0


def _read_piped(call: Call) -> Image:
    from denoiser import imageio

    source = call.sources[0]
    if source != PIPE:
        return imageio.read(Path(source), call.read)
    if sys.stdin.isatty():
        raise UsageError("Standard input is a terminal.", hint="For example: denoise - --out b.png < a.png")
    return imageio.read_bytes(sys.stdin.buffer.read(), "standard input", call.read)


def _deliver(call: Call, image: Image) -> Callable[[Image], None]:
    """How the clean picture is handed on; refused now, and not after the network has worked."""
    from denoiser import imageio
    from denoiser.imageio import formats

    if call.out != PIPE:
        target = Path(call.out)
        writable_row(target)
        if _is_standard_input(target):
            raise UnsafeOutput(f"{target}: is the input itself; no input is ever written to.")
        if target.exists() and not call.overwrite:
            raise UsageError(f"{target}: is there already.", hint="Make it again with --overwrite.")
        return lambda clean: imageio.write(clean, target, call.write)
    if sys.stdout.isatty():
        raise UsageError("Standard output is a terminal.", hint="For example: denoise a.png --out - > b.png")
    assert image.origin is not None  # it was read
    row = formats.output_format(image.origin, call.write)

    def send(clean: Image) -> None:
        sys.stdout.buffer.write(imageio.encode(clean, row.key, call.write))

    return send


def _is_standard_input(target: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stdin.fileno()), target.stat())
    except (OSError, ValueError):
        return False
