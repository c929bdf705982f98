"""The exit code of a run; --report has a row for each file, also for those of earlier runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from denoiser import denoise_folder
from denoiser.atomicfile import PREFIX
from denoiser.batch import Report
from denoiser.batch.plan import Plan
from denoiser.batch.report import COLUMNS, reporting
from denoiser.errors import DenoiserError, MissingExtra, UnreadableImage, UnwritableImage, UsageError
from denoiser.events import Event, FileDone, FileFailed, ignore
from denoiser.options import BatchOptions, DenoiseOptions

BROKEN = UnreadableImage("broken")
NO_HEIC = MissingExtra("is HEIC", extra="heif")


@pytest.mark.parametrize(
    ("done", "errors", "cancelled", "code"),
    [
        (3, [], False, 0),
        (0, [], False, 0),
        (3, [BROKEN], False, 1),
        (0, [BROKEN], False, 1),
        (3, [NO_HEIC], False, 1),
        (0, [NO_HEIC, NO_HEIC], False, 4),
        (0, [NO_HEIC, BROKEN], False, 1),
        (3, [], True, 130),
        (3, [BROKEN], True, 130),
    ],
)
def test_exit_codes(done: int, errors: list[DenoiserError], cancelled: bool, code: int) -> None:
    failures = tuple(FileFailed(Path("a.png"), error) for error in errors)
    assert Report(done=done, failures=failures, cancelled=cancelled).exit_code == code


Maker = Callable[..., Path]


@pytest.fixture
def options(tiny_weights: Path) -> DenoiseOptions:
    return DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".json":
        return json.loads(path.read_text("utf-8"))
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_every_file_has_its_row(tmp_path: Path, make_picture: Maker, options, suffix: str) -> None:
    source, out, report = tmp_path / "in", tmp_path / "out", tmp_path / f"report{suffix}"
    make_picture(source / "a.png")
    denoise_folder(source, out, options)
    make_picture(source / "b\n\udcff.png")
    (source / "c.png").write_bytes(b"no picture")
    (source / "d.png").symlink_to("nowhere")
    denoise_folder(source, out, options, batch=BatchOptions(report=str(report)))
    rows = rows_of(report)
    assert all(tuple(row) == COLUMNS for row in rows)
    by_name = {Path(row["source"]).name: row for row in rows}
    assert {name: row["status"] for name, row in by_name.items()} == {
        "a.png": "done already",
        "b\n\udcff.png": "done",
        "c.png": "failed",
        "d.png": "passed over",
    }
    for name in ("a.png", "b\n\udcff.png"):
        row = by_name[name]
        assert row["target"] == str(out / name) and row["model"] == "denoiser-tiny" and row["device"] == "cpu"
        assert float(row["megapixels"]) > 0 and float(row["seconds"]) >= 0
    assert by_name["c.png"]["error"] == "UnsupportedFormat" and by_name["c.png"]["hint"]
    assert by_name["d.png"]["message"] == "a broken link"


@pytest.mark.parametrize(("name", "empty"), [("r.json", []), ("r.csv", [])])
def test_a_report_on_nothing_is_still_one(tmp_path: Path, name: str, empty: list[Any]) -> None:
    with reporting(Plan(()), str(tmp_path / name), ignore):
        pass
    assert rows_of(tmp_path / name) == empty


def test_everything_is_passed_on_and_no_report_is_no_change(tmp_path: Path) -> None:
    heard: list[Event] = []
    done = FileDone(Path("a"), Path("b"), 1.0, 2.0, ("a note", "another"))
    with reporting(Plan(()), str(tmp_path / "r.csv"), heard.append) as hear:
        hear(done)
    assert heard == [done]
    assert rows_of(tmp_path / "r.csv")[0]["notes"] == "a note; another"
    with reporting(Plan(()), "", heard.append) as hear:
        assert hear == heard.append


def test_a_run_that_breaks_leaves_the_older_report(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("older", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), reporting(Plan(()), str(tmp_path / "r.json"), ignore):
        raise KeyboardInterrupt
    assert (tmp_path / "r.json").read_text("utf-8") == "older" and not list(tmp_path.glob(PREFIX + "*"))


def test_an_unwritable_report_is_an_error_at_the_start(tmp_path: Path, make_picture: Maker, options) -> None:
    make_picture(tmp_path / "in" / "a.png")
    (tmp_path / "r.csv").mkdir()
    for report, error in (("r.csv", UnwritableImage), ("nowhere/r.csv", UsageError)):
        batch = BatchOptions(report=str(tmp_path / report))
        with pytest.raises(error):
            denoise_folder(tmp_path / "in", tmp_path / "out", options, batch=batch)
    assert not (tmp_path / "out").exists()


def test_every_column_is_documented(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs" / "manifest.md").read_text("utf-8")
    table = page[page.index("| column |") :].splitlines()[2:]
    named = [word.strip(" `") for row in table if row.startswith("|") for word in row.split("|")[1].split(",")]
    assert tuple(named) == COLUMNS
