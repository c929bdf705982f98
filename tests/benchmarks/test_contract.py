"""The contract of the benchmarks: alternatives in turn, honest statistics, and what a figure stands on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def contract() -> Iterator[ModuleType]:
    """benchmarks/contract.py, imported as a script beside it would; the folder is no package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import contract  # type: ignore[import-not-found]

        yield contract
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in ("contract", "machine"):
            sys.modules.pop(name, None)


def timing(contract: ModuleType, *seconds: float) -> Any:
    return contract.Timing(tuple(seconds), tuple(seconds))


def report(contract: ModuleType, *words: str) -> Any:
    return contract.Report("Title.\n\nMore.", contract.parser("Title.").parse_args(list(words)))


# --- measuring ----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_alternatives_run_in_turn_and_begin_in_turn(contract: ModuleType) -> None:
    calls: list[str] = []
    timings = contract.measure({name: lambda name=name: calls.append(name) for name in "ABC"}, repeat=4)
    assert "".join(calls) == "ABC" + "ABC" + "BCA" + "CAB" + "ABC", "the first round is not counted"
    assert {name: len(timing.samples) for name, timing in timings.items()} == {"A": 4, "B": 4, "C": 4}


@pytest.mark.long
def test_clock_and_work_of_the_processor_are_told_apart(contract: ModuleType) -> None:
    def busy() -> None:
        end = time.process_time() + 0.03
        while time.process_time() < end:
            pass

    timings = contract.measure({"asleep": lambda: time.sleep(0.03), "busy": busy}, repeat=3)
    assert timings["asleep"].median >= 0.03
    assert timings["asleep"].cpu_median < 0.015
    assert timings["busy"].median >= 0.029
    assert timings["busy"].cpu_median >= 0.029


def test_a_wrong_answer_is_not_timed(contract: ModuleType) -> None:
    calls: list[str] = []

    def wrong() -> int:
        calls.append("wrong")
        return 5

    def check(name: str, result: int) -> None:
        assert result == 4, f"{name} gives {result}"

    with pytest.raises(AssertionError, match="wrong gives 5"):
        contract.measure({"right": lambda: 4, "wrong": wrong}, check=check)
    assert calls == ["wrong"]


def test_no_rounds_are_no_measurement(contract: ModuleType) -> None:
    with pytest.raises(ValueError, match="at least one round"):
        contract.measure({"A": lambda: None}, repeat=0)


# --- statistics ---------------------------------------------------------------------------------------------------


def test_median_and_quartiles(contract: ModuleType) -> None:
    found = timing(contract, 5.0, 1.0, 3.0, 2.0, 100.0)
    assert found.median == 3.0
    assert found.quartiles == (2.0, 5.0)
    assert timing(contract, 7.0).quartiles == (7.0, 7.0)
    assert contract.quartiles([1.0, 2.0]) == (1.25, 1.75)


def test_a_ratio_is_of_the_medians_and_its_spread_is_taken_within_rounds(contract: ModuleType) -> None:
    """Each round of this machine is twice as slow as the one before; the ratio does not notice."""
    ours, theirs = timing(contract, 3.0, 6.0, 12.0), timing(contract, 2.0, 4.0, 8.0)
    assert contract.ratio(ours, theirs) == contract.Ratio(1.5, 1.5, 1.5)
    uneven = contract.ratio(timing(contract, 1.0, 2.0, 3.0), timing(contract, 1.0, 1.0, 1.0))
    assert uneven == contract.Ratio(2.0, 1.5, 2.5)
    with pytest.raises(ValueError, match="zip"):
        contract.ratio(ours, timing(contract, 1.0))


# --- reporting ----------------------------------------------------------------------------------------------------


def test_the_table_and_the_json_hold_the_same_figures(
    contract: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "deeper" / "figures.json"
    one = report(contract, "--json", str(file), "--repeat", "3", "--seed", "11")
    timings = {"ours": timing(contract, 0.012, 0.010, 0.014), "pillow": timing(contract, 0.010, 0.010, 0.010)}
    one.add(
        "read",
        timings,
        work=24.0,
        unit="MP/s",
        against="pillow",
        at_most={"ours": 1.3},
        facts={"ours": {"bytes": 5}},
    )
    one.add_facts("quality", "ours", psnr=31.2345)
    assert one.finish() == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Title."
    assert "seed 11, 3 rounds" in lines[1]
    ours = next(line for line in lines if line.startswith("read     ours"))
    for word in ("12.0", "(11.0–13.0)", "2000 MP/s", "1.20", "(1.10–1.30)", "met 1.3", "bytes 5"):
        assert word in ours
    assert any(line.endswith("psnr 31.2") for line in lines)

    written = json.loads(file.read_text())
    assert written["schema"] == 1
    assert written["arguments"] == {"repeat": "3", "seed": "11"}
    first, second, third = written["rows"]
    assert first["seconds"].pop("samples") == [0.012, 0.010, 0.014]
    assert first["seconds"] == pytest.approx({"median": 0.012, "q1": 0.011, "q3": 0.013})
    assert first["speed"] == {"median": 2000.0, "unit": "MP/s", "work": 24.0}
    assert first["ratio"]["to"] == "pillow"
    assert first["ratio"]["median"] == pytest.approx(1.2)
    assert first["ratio"]["missed"] is False
    assert "ratio" not in second
    assert third == {"case": "quality", "alternative": "ours", "facts": {"psnr": 31.2345}}


def test_a_missed_bar_is_shown_and_is_a_failure(contract: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    one = report(contract)
    timings = {"ours": timing(contract, 2.0), "pillow": timing(contract, 1.0)}
    one.add("read", timings, against="pillow", at_most={"ours": 1.3})
    assert one.finish() == 1
    assert "MISSED 1.3" in capsys.readouterr().out


def test_a_bar_that_nothing_is_held_to_is_a_mistake(contract: ModuleType) -> None:
    one, timings = report(contract), {"ours": timing(contract, 2.0), "pillow": timing(contract, 1.0)}
    for words in (
        {"against": "pilow"},
        {"against": "pillow", "at_most": {"our": 1.3}},
        {"facts": {"our": {"bytes": 1}}},
        {"at_most": {"ours": 1.3}},
        {"against": "ours", "at_most": {"ours": 1.3}},
    ):
        with pytest.raises(ValueError, match="alternative"):
            one.add("read", timings, **words)
    assert one.rows == []


def test_figures_have_three_digits_and_no_exponent(contract: ModuleType) -> None:
    cells = [
        contract._short(value) for value in (0.0001234, 0.5, 1.0, 31.2345, 999.4, 1234.5, 2.5e7, 0.0, 7, "lossless")
    ]
    assert cells == ["0.000123", "0.500", "1.00", "31.2", "999", "1234", "25000000", "0", "7", "lossless"]


def test_the_same_seed_gives_the_same_pictures(contract: ModuleType) -> None:
    draws = [report(contract, "--seed", seed).rng.integers(0, 1 << 60) for seed in ("4", "4", "5")]
    assert draws[0] == draws[1] != draws[2]


def test_nobody_asks_for_no_rounds(contract: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        contract.parser("Title.").parse_args(["--repeat", "0"])
    assert caught.value.code == 2
    assert "at least 1" in capsys.readouterr().err


# --- what a figure stands on --------------------------------------------------------------------------------------


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=Test", "-c", "user.email=test@localhost", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_dirty_when_the_program_is(contract: ModuleType, tmp_path: Path) -> None:
    machine = sys.modules["machine"]
    git(tmp_path, "init", "--quiet")
    (tmp_path / "denoiser").mkdir()
    (tmp_path / "denoiser" / "a.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    clean = machine.commit(tmp_path)
    assert clean["hash"] == git(tmp_path, "rev-parse", "HEAD")
    assert str(clean["hash"]).startswith(str(clean["name"]))
    assert clean["dirty"] is False
    (tmp_path / "notes.txt").write_text("beside the program\n")
    assert machine.commit(tmp_path)["dirty"] is False
    (tmp_path / "denoiser" / "b.py").write_text("b = 1\n")
    assert machine.commit(tmp_path)["dirty"] is True, (
        "a new file of the program counts, though git does not know it"
    )


def test_no_checkout_is_said(contract: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert sys.modules["machine"].commit(tmp_path) == {"name": "no git checkout", "hash": None, "dirty": None}


def test_the_machine_is_described(contract: ModuleType) -> None:
    machine = sys.modules["machine"]
    hardware, versions = machine.hardware(), machine.versions()
    assert hardware["cpu"]
    assert 1 <= hardware["usable_cores"] <= hardware["cores"]
    assert hardware["memory_gib"] > 0.1
    assert set(hardware["flags"]) <= set(machine.FLAGS_OF_INTEREST)
    assert versions["python"] == sys.version.split()[0]
    assert {"numpy", "torch", "pillow", "denoiser-studio"} <= set(versions)
    assert machine.peak_memory_mib() > 10
    json.dumps([hardware, versions, machine.threads(), machine.load_average()])


# --- a whole script -----------------------------------------------------------------------------------------------

SCRIPT = '''
"""Sums beside sums."""
import sys
import contract
words = contract.parser(__doc__).parse_args()
report = contract.Report(__doc__, words)
numbers = report.rng.random(1000).tolist()
timings = contract.measure(
    {"ours": lambda: sum(numbers), "twice": lambda: [sum(numbers) for _ in range(20)]}, repeat=words.repeat
)
report.add("sum", timings, work=0.001, unit="M/s", against="twice", at_most={"ours": 1.0})
sys.exit(report.finish())
'''


def test_a_script_of_ten_lines_is_a_whole_benchmark(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-c", SCRIPT, "--json", str(file), "--repeat", "5"]
    done = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Sums beside sums.\ncommit ")
    assert done.stderr == "measured: sum\n"
    rows = json.loads(file.read_text())["rows"]
    assert [row["alternative"] for row in rows] == ["ours", "twice"]
    assert rows[0]["ratio"]["median"] < 0.5


def test_every_script_keeps_to_the_contract() -> None:
    parts = (
        "contract.py",
        "machine.py",
        "gui_script.py",
        "window_tasks.py",  # screenshots to look at, not figures to compare
        "surfaces.py",
        "painted_defects.py",
    )  # what scripts are made of
    scripts = [path for path in BENCHMARKS.glob("*.py") if path.name not in parts]
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        for part in ("contract.parser(__doc__", "contract.Report(", ".finish()"):
            assert part in text, f"{script.name} has no {part}: benchmarks/README.md shows a script"
