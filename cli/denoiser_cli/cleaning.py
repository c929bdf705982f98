"""What `denoise clean` does once its words are understood: files, a plan, or a single picture through a pipe."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from denoiser.batch import Plan, Settings, carry_out, plan_folder, steps
from denoiser.batch.layout import writable_row
from denoiser.errors import UnsafeOutput, UsageError
from denoiser.events import CancelToken
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
    settings: Settings
    listed: tuple[Path, ...] = ()

    def plan(self, cancel: CancelToken) -> Plan:
        """The plan of this call."""
        return plan_folder(self.sources, self.out, self.settings, listed=self.listed, cancel=cancel)

    def open_session(self) -> Session:
        """The network of this call, ready to clean."""
        from denoiser.engine import open_session  # torch takes seconds, and a wrong path needs none of them

        return open_session(self.settings.denoise)


def clean_files(call: Call, manner: Manner) -> int:
    """Carries out the plan and tells of it as it goes."""
    voice = JsonVoice() if manner.json else TextVoice(manner)
    with stopping_politely(voice.tell) as cancel:
        plan = call.plan(cancel)
        with voice:
            report = carry_out(plan, call.settings, listener=voice.hear, cancel=cancel)
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
        again = f" (again: {job.again})" if job.again else ""
        click.echo(f"{shown(job.source)} -> {shown(job.target)}{again}")
    for job in plan.already_there:
        click.echo(f"{shown(job.source)}: done already, {shown(job.target)}")
    for passed in plan.passed:
        click.echo(f"{shown(passed.path)}: passed over, {one_line(passed.reason)}")
    for job, error in plan.blocked:
        click.echo(f"{shown(job.source)}: will fail, {one_line(error.message)}")
    if manner.verbose:
        for group in plan.groups:
            say(f"Series {one_line(group.heading)}: {group.frames} of the files")
    if not manner.quiet:
        others = f", {plan.elsewhere} left to other shards" if plan.elsewhere else ""
        weights = f", with {plan.choice.model}" if plan.choice else ""
        say(f"{len(plan.jobs)} to clean, {plan.megapixels:.1f} MP{weights}{others}; nothing was written.")
    return 0


def clean_through_pipe(call: Call, manner: Manner) -> int:
    """Cleans a single picture that comes from standard input, or goes to standard output, or both."""

    if len(call.sources) > 1:
        raise UsageError("A pipe carries a single picture.", hint="Name one file, or a folder for --out.")
    if manner.json and call.out == PIPE:
        raise UsageError("--json and --out - both want standard output.", hint="Leave one out.")
    batch = call.settings.batch
    if batch.shard or batch.report or batch.series:
        raise UsageError("--shard, --report and --series are for many files, and a pipe carries a single picture.")
    image = steps.cropped(_read_piped(call), _name_of(call), call.settings)
    deliver = _deliver(call, image)
    with stopping_politely() as cancel:
        session = call.open_session()
        network = functools.partial(session.clean, cancel=cancel)
        outcome = steps.clean(image, call.settings, network, session)
        deliver(outcome.image)
    if not manner.quiet:
        for note in dict.fromkeys(outcome.notes):
            say(one_line(note))
    return 0


def read_list(name: str) -> tuple[Path, ...]:
    """The names in a file, or on standard input for "-": one per line, or between zero bytes if there are any."""
    try:
        data = sys.stdin.buffer.read() if name == PIPE else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: the list cannot be read ({error.strerror}).") from error
    names = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return tuple(Path(os.fsdecode(name)) for name in names if name)


def _name_of(call: Call) -> str:
    return "standard input" if call.sources[0] == PIPE else call.sources[0]


def _read_piped(call: Call) -> Image:
    from denoiser import imageio

    source = call.sources[0]
    if source != PIPE:
        return imageio.read(Path(source), call.settings.read)
    if sys.stdin.isatty():
        raise UsageError("Standard input is a terminal.", hint="For example: denoise - --out b.png < a.png")
    return imageio.read_bytes(sys.stdin.buffer.read(), _name_of(call), call.settings.read)


def _deliver(call: Call, image: Image) -> Callable[[Image], None]:
    """How the clean picture is handed on; refused now, and not after the network has worked."""
    from denoiser import imageio
    from denoiser.imageio import formats

    if call.out != PIPE:
        target = Path(call.out)
        writable_row(target)
        if _is_standard_input(target):
            raise UnsafeOutput(f"{target}: is the input itself; no input is ever written to.")
        if target.exists() and not call.settings.batch.overwrite:
            raise UsageError(f"{target}: is there already.", hint="Make it again with --overwrite.")
        return lambda clean: imageio.write(clean, target, call.settings.write)
    if sys.stdout.isatty():
        raise UsageError("Standard output is a terminal.", hint="For example: denoise a.png --out - > b.png")
    assert image.origin is not None  # it was read
    row = formats.output_format(image.origin, call.settings.write)

    def send(clean: Image) -> None:
        sys.stdout.buffer.write(imageio.encode(clean, row.key, call.settings.write))

    return send


def _is_standard_input(target: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stdin.fileno()), target.stat())
    except (OSError, ValueError):
        return False
