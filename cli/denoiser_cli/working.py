"""What a verb of many files does once its words are understood: files, a plan, or a single one through a pipe."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from denoiser.batch import Job, Plan, Settings, carry_out, plan_folder
from denoiser.batch.work import Outcome, Work
from denoiser.batch.works import work_of
from denoiser.errors import UnsafeOutput, UsageError
from denoiser.events import CancelToken, ignore
from denoiser_cli.flags import Manner
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import one_line, say, shown
from denoiser_cli.render_json import JsonVoice, emit_plan
from denoiser_cli.render_text import TextVoice

PIPE = "-"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a verb, as it was meant."""

    sources: tuple[str, ...]
    out: str
    settings: Settings
    listed: tuple[Path, ...] = ()

    def plan(self, cancel: CancelToken) -> Plan:
        """The plan of this call."""
        return plan_folder(self.sources, self.out, self.settings, listed=self.listed, cancel=cancel)

    @property
    def work(self) -> Work:
        """What is done with each file."""
        return work_of(self.settings)


def call_of(paths: tuple[str, ...], words: Mapping[str, Any], settings: Settings) -> Call:
    """What was meant; UsageError where it is not said what is to be done, or where to."""
    of = work_of(settings).words
    listed = _read_list(words["files_from"]) if words["files_from"] else ()
    if not paths and not listed:
        raise UsageError(f"No {of.takes} and no folder is named.", hint=f"For example: {of.example}")
    if not words["out"]:
        raise UsageError(f"--out is missing: where should the {of.makes} go?", hint=f"For example: {of.example}")
    return Call(paths, words["out"], settings, listed)


def do(call: Call, manner: Manner, *, dry_run: bool) -> int:
    """Carries the call out, whatever it is, and gives the exit code."""
    if PIPE in (*call.sources, call.out):
        return _do_through_pipe(call, manner)
    return _show_plan(call, manner) if dry_run else _do_files(call, manner)


def _do_files(call: Call, manner: Manner) -> int:
    """Carries out the plan and tells of it as it goes."""
    voice = JsonVoice() if manner.json else TextVoice(manner, call.work.words.done)
    with stopping_politely(voice.tell) as cancel:
        plan = call.plan(cancel)
        with voice:
            report = carry_out(plan, call.settings, listener=voice.hear, cancel=cancel)
    voice.finish(report, Path(call.out))
    return report.exit_code


def _show_plan(call: Call, manner: Manner) -> int:
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
        what = f"{len(plan.jobs)} to {call.work.words.verb}, {plan.megapixels:.1f} MP"
        say(f"{what}{weights}{others}; nothing was written.")
    return 0


def _do_through_pipe(call: Call, manner: Manner) -> int:
    """Works on a single file that comes from standard input, or goes to standard output, or both."""
    if len(call.sources) > 1:
        raise UsageError("A pipe carries a single picture.", hint="Name one file, or a folder for --out.")
    if manner.json and call.out == PIPE:
        raise UsageError("--json and --out - both want standard output.", hint="Leave one out.")
    batch, work = call.settings.batch, call.work
    if batch.shard or batch.report or batch.series:
        raise UsageError("--shard, --report and --series are for many files, and a pipe carries a single picture.")
    work.refuse(call.settings)
    content = _read_piped(call)
    deliver = _deliver(call)
    with stopping_politely() as cancel:
        worker = work.open(None, call.settings)
        outcome = work.make(content, call.settings, worker, series=None, listener=ignore, cancel=cancel)
        lost = deliver(outcome, content)
    if not manner.quiet:
        for note in dict.fromkeys((*outcome.notes, *lost)):
            say(one_line(note))
    return 0


def _read_list(name: str) -> tuple[Path, ...]:
    """The names in a file, or on standard input for "-": one per line, or between zero bytes if there are any."""
    try:
        data = sys.stdin.buffer.read() if name == PIPE else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: the list cannot be read ({error.strerror}).") from error
    names = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return tuple(Path(os.fsdecode(name)) for name in names if name)


def _read_piped(call: Call) -> Any:
    source, work = call.sources[0], call.work
    if source != PIPE:
        return work.read(Path(source), call.settings)
    if sys.stdin.isatty():
        raise UsageError("Standard input is a terminal.", hint=f"For example: {work.words.pipes[0]}")
    return work.read_bytes(sys.stdin.buffer.read(), "standard input", call.settings)


def _deliver(call: Call) -> Callable[[Outcome, Any], tuple[str, ...]]:
    """How the output is handed on; refused now, and not after the network has worked."""
    work = call.work
    if call.out != PIPE:
        target = Path(call.out)
        work.row(target)
        if _is_standard_input(target):
            raise UnsafeOutput(f"{target}: is the input itself; no input is ever written to.")
        if target.exists() and not call.settings.batch.overwrite:
            raise UsageError(f"{target}: is there already.", hint="Make it again with --overwrite.")
        job = Job(Path(call.sources[0]), target, 0.0)
        # From a pipe there are no bytes to copy.
        return lambda outcome, _: work.write(dataclasses.replace(outcome, kept=False), job, call.settings)
    if sys.stdout.isatty():
        raise UsageError("Standard output is a terminal.", hint=f"For example: {work.words.pipes[1]}")

    def send(outcome: Outcome, content: Any) -> tuple[str, ...]:
        sys.stdout.buffer.write(work.encoded(outcome, content, call.settings))
        return ()

    return send


def _is_standard_input(target: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stdin.fileno()), target.stat())
    except (OSError, ValueError):
        return False
