"""What every benchmark script keeps to, so that its figures can be compared and trusted; README.md says why.

words = contract.parser(__doc__).parse_args()
report = contract.Report(__doc__, words)
timings = contract.measure({"ours": ours, "pillow": pillow}, repeat=words.repeat)
report.add("read, JPEG", timings, work=24.0, unit="MP/s", against="pillow", at_most={"ours": 1.3})
sys.exit(report.finish())
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import numpy as np

SCHEMA = 1  # of the JSON; grows when a name in it changes its meaning


def parser(description: str | None, *, repeat: int = 7) -> argparse.ArgumentParser:
    """The arguments that all scripts have; a script adds its own to it."""
    arguments = argparse.ArgumentParser(description=_first_line(description))
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    arguments.add_argument("--repeat", type=_positive, default=repeat, metavar="N", help=f"rounds ({repeat})")
    arguments.add_argument("--seed", type=int, default=0, metavar="N", help="where random numbers start (0)")
    return arguments


@dataclass(frozen=True, slots=True)
class Timing:
    """The seconds that one alternative took, round by round: on the clock, and of all cores together."""

    samples: tuple[float, ...]
    cpu_samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Where the middle half of the samples lies."""
        return quartiles(self.samples)

    @property
    def cpu_median(self) -> float:
        return statistics.median(self.cpu_samples)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long one alternative takes as another."""

    median: float  # of the medians
    low: float  # quartiles of the ratios within each round: what disturbed a whole round falls out
    high: float


def measure(
    alternatives: Mapping[str, Callable[[], Any]],
    *,
    repeat: int = 7,
    check: Callable[[str, Any], None] | None = None,
) -> dict[str, Timing]:
    """Times the alternatives in turn, *repeat* rounds after one that is not counted.

    Each round runs every alternative once and begins with another one, so that a machine that grows slow or busy,
    and what one leaves behind in the caches, falls on all alike. *check* gets each name and first result before
    anything is timed, and raises if it is wrong: a fast wrong answer is no figure.
    """
    if repeat < 1:
        raise ValueError(f"at least one round must be measured, not {repeat}")
    names = list(alternatives)
    for name in names:
        result = alternatives[name]()
        if check is not None:
            check(name, result)
        del result
    clock: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float]] = {name: [] for name in names}
    for number in range(repeat):
        start = number % len(names) if names else 0
        for name in names[start:] + names[:start]:
            seconds, cpu_seconds = _once(alternatives[name])
            clock[name].append(seconds)
            cpu[name].append(cpu_seconds)
    return {name: Timing(tuple(clock[name]), tuple(cpu[name])) for name in names}


def ratio(timing: Timing, reference: Timing) -> Ratio:
    """How *timing* stands to *reference*; both must come from one `measure`."""
    rounds = [ours / theirs for ours, theirs in zip(timing.samples, reference.samples, strict=True)]
    low, high = quartiles(rounds)
    return Ratio(timing.median / reference.median, low, high)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and third quartile, interpolated between the values; of a single value that value twice."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report: an alternative in a case, its figures, and the bar that it had to pass."""

    case: str
    alternative: str
    timing: Timing | None = None
    work: float | None = None  # done in one call, counted in the unit before its "/s"
    unit: str = ""
    against: str | None = None
    ratio: Ratio | None = None
    at_most: float | None = None  # of the ratio
    facts: Mapping[str, float | int | str] | None = None

    @property
    def speed(self) -> float | None:
        """Work in a second, by the median."""
        return self.work / self.timing.median if self.timing and self.work is not None else None

    @property
    def missed(self) -> bool:
        return self.ratio is not None and self.at_most is not None and not self.ratio.median <= self.at_most

    def as_json(self) -> dict[str, Any]:
        """The row with every sample, so that other statistics can be reckoned later."""
        out: dict[str, Any] = {"case": self.case, "alternative": self.alternative}
        if self.timing:
            low, high = self.timing.quartiles
            out["seconds"] = {"median": self.timing.median, "q1": low, "q3": high, "samples": self.timing.samples}
            out["cpu_seconds"] = {"median": self.timing.cpu_median, "samples": self.timing.cpu_samples}
        if self.speed is not None:
            out["speed"] = {"median": self.speed, "unit": self.unit, "work": self.work}
        if self.ratio:
            out["ratio"] = {
                "to": self.against,
                "median": self.ratio.median,
                "q1": self.ratio.low,
                "q3": self.ratio.high,
                "at_most": self.at_most,
                "missed": self.missed,
            }
        if self.facts:
            out["facts"] = dict(self.facts)
        return out


class Report:
    """Gathers the rows of one run of a script and what they stand on; prints a table, writes JSON at the end."""

    def __init__(self, title: str | None, words: argparse.Namespace) -> None:
        self.title = _first_line(title)
        self.rows: list[Row] = []
        self.rng = np.random.default_rng(words.seed)
        self._words = words
        self._begun = datetime.datetime.now(datetime.UTC)
        self._head = {
            "commit": machine.commit(),
            "hardware": machine.hardware(),
            "versions": machine.versions(),
            "threads": machine.threads(),
            "load_before": machine.load_average(),
        }
        random.seed(words.seed)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(words.seed)

    def add(
        self,
        case: str,
        timings: Mapping[str, Timing],
        *,
        work: float | None = None,
        unit: str = "",
        against: str | None = None,
        at_most: Mapping[str, float] | None = None,
        facts: Mapping[str, Mapping[str, float | int | str]] | None = None,
    ) -> None:
        """Adds a row for each alternative; *against* names the one that the others are compared with.

        *work* is what one call does, in *unit*: 24.0 and "MP/s". *at_most* holds a bar for the ratio of some
        alternatives, *facts* other figures of theirs, such as the bytes they wrote.
        """
        for name in {*(at_most or {}), *(facts or {}), against} - {*timings, None}:
            raise ValueError(f"{case}: there is no alternative {name!r}")
        for name in at_most or {}:
            if against in (None, name):
                raise ValueError(f"{case}: the bar for {name!r} needs another alternative to stand against")
        for name, timing in timings.items():
            relation = ratio(timing, timings[against]) if against is not None and name != against else None
            bar = (at_most or {}).get(name)
            row = Row(case, name, timing, work, unit, against, relation, bar, (facts or {}).get(name))
            self.rows.append(row)
        print(f"measured: {case}", file=sys.stderr, flush=True)

    def add_facts(self, case: str, alternative: str, **facts: float | int | str) -> None:
        """Adds a row of figures that are not times, such as a PSNR."""
        self.rows.append(Row(case, alternative, facts=facts))

    def as_json(self) -> dict[str, Any]:
        """Everything that `finish` writes."""
        now = datetime.datetime.now(datetime.UTC)
        words = {name: str(value) for name, value in vars(self._words).items() if name != "json"}
        return {
            "schema": SCHEMA,
            "title": self.title,
            "begun": self._begun.isoformat(timespec="seconds"),
            "took_seconds": round((now - self._begun).total_seconds(), 1),
            "script": Path(sys.argv[0]).name,
            "arguments": words,
            **self._head,
            "load_after": machine.load_average(),
            "peak_memory_mib": machine.peak_memory_mib(),
            "rows": [row.as_json() for row in self.rows],
        }

    def finish(self) -> int:
        """Prints the table, writes the JSON if it was asked for, and gives the exit code: 1 if a bar was missed."""
        print(self.title, *_head_lines(self._head, self._words), "", sep="\n")
        print(table(self.rows), flush=True)
        if self._words.json is not None:
            self._words.json.parent.mkdir(parents=True, exist_ok=True)
            self._words.json.write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")
        return int(any(row.missed for row in self.rows))


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text; a spread stands in brackets and is that of the middle half."""
    lines: list[tuple[str, ...]] = [
        ("case", "alternative", "median ms", "(spread)", "speed", "ratio", "(spread)", "bar", "facts")
    ]
    lines += [_cells(row) for row in rows]
    used = [column for column in range(len(lines[0])) if any(line[column] for line in lines[1:])]
    widths = {column: max(len(line[column]) for line in lines) for column in used}
    left = {0, 1, 8}
    return "\n".join(
        "  ".join(line[i].ljust(widths[i]) if i in left else line[i].rjust(widths[i]) for i in used).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    time_cells = ("", "")
    if row.timing:
        low, high = row.timing.quartiles
        time_cells = (_short(row.timing.median * 1e3), f"({_short(low * 1e3)}–{_short(high * 1e3)})")
    ratio_cells = ("", "")
    if row.ratio:
        ratio_cells = (f"{row.ratio.median:.2f}", f"({row.ratio.low:.2f}–{row.ratio.high:.2f})")
    bar = "" if row.at_most is None else f"{'MISSED' if row.missed else 'met'} {row.at_most:g}"
    facts = ", ".join(f"{name} {_short(value)}" for name, value in (row.facts or {}).items())
    speed = "" if row.speed is None else f"{_short(row.speed)} {row.unit}"
    return (row.case, row.alternative, *time_cells, speed, *ratio_cells, bar, facts)


def _short(value: float | int | str) -> str:
    if isinstance(value, str | int):
        return str(value)
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, 2 - int(np.floor(np.log10(abs(value)))))}f}"  # three digits that count, no exponent


def _head_lines(head: Mapping[str, Any], words: argparse.Namespace) -> list[str]:
    commit, hardware, versions = head["commit"], head["hardware"], head["versions"]
    changed = " with changes" if commit["dirty"] else ""
    flags = " ".join(hardware["flags"]) or "no instruction sets of interest"
    gpus = "; ".join(hardware["gpus"]) or "no GPU"
    known = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [
        f"commit {commit['name']}{changed}, seed {words.seed}, {words.repeat} rounds, load {head['load_before']}",
        f"{hardware['cpu']}, {hardware['usable_cores']} of {hardware['cores']} cores",
        f"{hardware['memory_gib']} GiB of memory, {gpus}",
        flags,
        known,
    ]


def _once(function: Callable[[], Any]) -> tuple[float, float]:
    gc.collect()  # what an earlier call left behind is not this one's time
    _wait_for_gpu()
    cpu, clock = time.process_time(), time.perf_counter()
    result = function()
    _wait_for_gpu()
    seconds, cpu_seconds = time.perf_counter() - clock, time.process_time() - cpu
    del result  # freed after the clock has stopped
    return seconds, cpu_seconds


def _wait_for_gpu() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def _first_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return lines[0] if lines else ""


def _positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
