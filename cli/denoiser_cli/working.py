"""Runs a command for many files: files, a dry run, or a single file through a pipe."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import click

from denoiser import imageio
from denoiser.atomicfile import whole_file
from denoiser.batch import Job, Plan, Report, Settings, carry_out, layout, plan_folder
from denoiser.batch.cleaning import CLEANING
from denoiser.batch.discover import FoundFile
from denoiser.batch.file_settings import FileSettings
from denoiser.batch.plan import AnyWork, refuse_quality, refuse_surprises, work_of
from denoiser.batch.processing_record import record_in
from denoiser.batch.work import Outcome
from denoiser.errors import UnreadableImage, UnsafeOutput, UsageError
from denoiser.events import CancelToken, Listener, ignore
from denoiser.imageio.formats import Format
from denoiser.options import ClusterOptions
from denoiser.storage import is_url, location
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import OutputMode, cluster_of
from denoiser_cli.lines import one_line, shown, to_stderr
from denoiser_cli.render_json import JsonOutput, emit_plan
from denoiser_cli.render_text import TextOutput

PIPE = "-"


@dataclass(frozen=True, slots=True)
class Call:
    """One parsed call."""

    sources: tuple[str, ...]
    out: str
    settings: Settings
    listed: tuple[Path, ...]
    work: AnyWork
    cluster: ClusterOptions

    def plan(self, cancel: CancelToken) -> Plan:
        """Plan this call."""
        plan = plan_folder(self.sources, self.out, self.settings, listed=self.listed, cancel=cancel)
        refuse_surprises(plan, self.settings)
        return plan

    def carry_out(self, plan: Plan, listener: Listener, cancel: CancelToken) -> Report:
        """Carry out the plan on this machine or on the cluster."""
        if not self.cluster.cluster:
            return carry_out(plan, self.settings, listener=listener, cancel=cancel)
        from denoiser.cluster import carry_out as carry_out_on_cluster  # an extra

        return carry_out_on_cluster(plan, self.settings, self.cluster, listener=listener, cancel=cancel)


def call_of(paths: tuple[str, ...], words: Mapping[str, Any], settings: Settings) -> Call:
    """Return the call; raise UsageError if inputs are missing, or --out is missing and cannot be derived."""
    work = work_of(settings)
    of = work.words
    listed = _read_list(words["files_from"]) if words["files_from"] else ()
    if not paths and not listed:
        raise UsageError(f"No {of.takes} or folder given.", hint=f"For example: {of.example}")
    out = words["out"]
    if not out and not listed:
        paths, out = _with_out(paths, settings, work)
    if not out:
        raise UsageError(
            f"--out is missing: the folder or file for the {of.makes}.", hint=f"For example: {of.example}"
        )
    return Call(paths, out, settings, listed, work, cluster_of(words))


def _with_out(paths: tuple[str, ...], settings: Settings, work: AnyWork) -> tuple[tuple[str, ...], str]:
    """Return inputs and output of a call without --out: `in.jpg out.jpg`, or one image, which gets `in-clean.jpg`.

    The output is empty if the call could mean something else. An existing image is an input, unless denoise wrote
    it. Raises UsageError with an explanation for two files that exist.
    """
    first = Path(paths[0])
    if not first.is_file():
        return paths, ""
    if len(paths) == 1 and work is CLEANING and settings.batch.rename:
        return paths, str(first.parent)
    if len(paths) == 1 and work is CLEANING:
        find = FoundFile(first, PurePath(first.name), (0, 0))
        with suppress(UnreadableImage):  # an invalid sidecar, which the plan reports
            settings = FileSettings(settings)(find.path, find.below) or settings
        info = work.inspect(find, settings)
        return paths, str(layout.beside(info))
    if len(paths) != 2 or not work.makes(second := Path(paths[1])):
        return paths, ""
    if second.exists() and work.takes(second) and record_in(second) is None:
        raise UsageError(
            f"--out is missing: {second} exists, so it is an input, too.",
            hint=f"For example: {work.words.command} {first} {second} --out {work.words.folder}",
        )
    return paths[:1], paths[1]


def do(call: Call, mode: OutputMode, *, dry_run: bool) -> int:
    """Run the call; return the exit code."""
    if PIPE in (*call.sources, call.out):
        return _do_through_pipe(call, mode)
    return _show_plan(call, mode) if dry_run else _do_files(call, mode)


def _do_files(call: Call, mode: OutputMode) -> int:
    """Run the plan and print its progress."""
    output = JsonOutput() if mode.json else TextOutput(mode, call.work.words.done)
    with stopping_politely(output.message) as cancel:
        plan = call.plan(cancel)
        with output:
            report = call.carry_out(plan, output.handle, cancel)
    output.finish(report, location(call.out))
    return report.exit_code


def _show_plan(call: Call, mode: OutputMode) -> int:
    """Print what a run would do without writing anything."""
    with stopping_politely() as cancel:
        plan = call.plan(cancel)
    if mode.json:
        emit_plan(plan)
        return 0
    for job in plan.jobs:
        again = f" (again: {job.again})" if job.again else ""
        click.echo(f"{shown(job.source)} -> {shown(job.target)}{again}")
    for job in plan.already_there:
        click.echo(f"{shown(job.source)}: already done, {shown(job.target)}")
    for skipped in plan.skipped:
        click.echo(f"{shown(skipped.path)}: skipped, {one_line(skipped.reason)}")
    for job, error in plan.blocked:
        click.echo(f"{shown(job.source)}: will fail, {one_line(error.message)}")
    if mode.verbose:
        for group in plan.groups:
            to_stderr(f"Series {one_line(group.heading)}: {group.frames} of the files")
    if not mode.quiet:
        others = f", {plan.elsewhere} in other shards" if plan.elsewhere else ""
        weights = f", with {plan.choice.model}" if plan.choice else ""
        what = f"{len(plan.jobs)} to {call.work.words.verb}, {plan.megapixels:.1f} MP"
        to_stderr(f"{what}{weights}{others}; nothing was written.")
    return 0


def _do_through_pipe(call: Call, mode: OutputMode) -> int:
    """Process a single file from stdin, to stdout, or both."""
    if any(is_url(name) for name in (*call.sources, call.out)):
        raise UsageError("Pipes and URLs cannot be combined.", hint="Use a file in place of the pipe.")
    if len(call.sources) > 1:
        raise UsageError("A pipe holds a single image.", hint="Name one file, or a folder for --out.")
    if mode.json and call.out == PIPE:
        raise UsageError(
            "--json and --out - cannot be combined: both write to standard output.", hint="Leave one out."
        )
    batch, work = call.settings.batch, call.work
    if call.cluster.cluster:
        raise UsageError("--cluster needs files; it does not work with pipes.")
    if batch.shard or batch.report or batch.series or batch.rename or batch.flat or batch.sidecars:
        raise UsageError(
            "--shard, --report, --series, --rename, --flat and --sidecars need files; they do not work with pipes."
        )
    work.refuse(call.settings)
    call = dataclasses.replace(call, settings=_with_mask(call))
    data, content = _read_piped(call)
    target = _target_of(call)
    row = work.row(target) if target else work.row_of(content, call.settings)
    refuse_quality([row], call.settings)
    with imageio.naming(target or Path("standard output")):
        work.check(content, row)
    with stopping_politely() as cancel:
        worker = work.open(None, call.settings)
        outcome = work.make(content, call.settings, worker, series=None, listener=ignore, cancel=cancel)
        written = _deliver(call, outcome, data, row, target)
    if not mode.quiet:
        for note in dict.fromkeys(written.notes):
            to_stderr(one_line(note))
    return 0


def _with_mask(call: Call) -> Settings:
    """Return the settings with the mask of a single image; raise UsageError for a folder of masks and a pipe."""
    mask = call.settings.batch.mask
    if mask and call.sources[0] == PIPE and Path(mask).is_dir():
        raise UsageError("An image from a pipe has no name for a folder of masks.", hint="Give its mask.")
    source = Path(call.sources[0])
    return FileSettings(call.settings)(source, PurePath(source.name)) or call.settings


def _read_list(name: str) -> tuple[Path, ...]:
    """Read names from a file, or stdin for "-": NUL-separated if it contains NUL, otherwise one per line."""
    try:
        data = sys.stdin.buffer.read() if name == PIPE else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: cannot read the list ({error.strerror}).") from error
    names = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return tuple(location(os.fsdecode(name)) for name in names if name)


def _read_piped(call: Call) -> tuple[bytes | None, Any]:
    """Return the bytes of standard input, None for a file, and the content."""
    source, work = call.sources[0], call.work
    if source != PIPE:
        return None, work.read(Path(source), call.settings)
    if sys.stdin.isatty():
        raise UsageError("Standard input is a terminal.", hint=f"For example: {work.words.pipes[0]}")
    data = sys.stdin.buffer.read()
    return data, work.read_bytes(data, "standard input", call.settings)


def _target_of(call: Call) -> Path | None:
    """Return the output file, or None for standard output; raise now for unsafe targets, before processing."""
    if call.out == PIPE:
        if sys.stdout.isatty():
            raise UsageError("Standard output is a terminal.", hint=f"For example: {call.work.words.pipes[1]}")
        return None
    target = Path(call.out)
    call.work.row(target)
    if _is_standard_input(target):
        raise UnsafeOutput(f"{target}: is the input itself; inputs are never overwritten.")
    if target.exists() and not call.settings.batch.overwrite:
        raise UsageError(f"{target}: already exists.", hint="Replace it with --overwrite.")
    return target


def _deliver(
    call: Call, outcome: Outcome[Any], data: bytes | None, row: Format, target: Path | None
) -> Outcome[Any]:
    """Write the output to *target* or standard output: the input itself, *data* of a pipe, if nothing changes."""
    work, settings = call.work, call.settings
    if work.is_copy(outcome, row, settings):
        data = Path(call.sources[0]).read_bytes() if data is None else data
        outcome = dataclasses.replace(outcome, notes=())  # how the image was read does not matter for a copy
    elif target is not None:
        return work.write(outcome, Job(Path(call.sources[0]), target, 0.0), settings)
    else:
        data = work.encoded(outcome, row, settings)
    if target is None:
        sys.stdout.buffer.write(data)
    else:
        with whole_file(target) as file:
            file.write(data)
    return outcome


def _is_standard_input(target: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stdin.fileno()), target.stat())
    except (OSError, ValueError):
        return False
