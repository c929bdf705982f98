"""The page lists problems first, and has no personal names."""

from __future__ import annotations

from pathlib import Path

import pytest

from denoiser_cli.health import page
from denoiser_cli.health.page import CHECKS, Fact, Remark, Section

VERSIONS, MACHINE = CHECKS[:2]


def test_what_stops_cleaning_comes_first() -> None:
    findings = {
        VERSIONS: Section([Fact("denoise", "0.1.0")], [Remark("A trifle.", "Never mind.")]),
        MACHINE: Section(
            [Fact("memory_gb", 25.3, "25.3 GB")], [Remark("All is lost.", "Run.", stops_cleaning=True)]
        ),
    }
    assert list(page.as_text(findings)) == [
        "denoise doctor: cleaning does not work on this machine.",
        "- All is lost. Run.",
        "- A trifle. Never mind.",
        "",
        "Versions",
        "  denoise  0.1.0",
        "",
        "Hardware",
        "  memory     25.3 GB",
    ]
    assert page.as_values(findings) == {
        "event": "examined",
        "can_clean": False,
        "remarks": [
            {"text": "A trifle.", "remedy": "Never mind.", "stops_cleaning": False},
            {"text": "All is lost.", "remedy": "Run.", "stops_cleaning": True},
        ],
        "sections": {"versions": {"denoise": "0.1.0"}, "machine": {"memory_gb": 25.3}},
    }


@pytest.mark.parametrize(
    ("remarks", "verdict"), [(0, "no problems found"), (1, "1 note"), (2, "2 notes")], ids=["0", "1", "2"]
)
def test_the_verdict_counts(remarks: int, verdict: str) -> None:
    findings = {VERSIONS: Section([], [Remark("A trifle.")] * remarks)}
    assert next(page.as_text(findings)) == f"denoise doctor: cleaning works; {verdict}."


def test_the_page_has_no_personal_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "anna"))
    monkeypatch.setenv("LOGNAME", "anna")
    assert page.nameless(f"{tmp_path}/anna/Photos: full") == "~/Photos: full"
    assert page.nameless(f"in {tmp_path}/anna.") == "in ~."
    assert page.nameless("/media/anna/disk") == "/media/NAME/disk"
    assert page.nameless("/var/tmp/pytest-of-anna/x") == "/var/tmp/pytest-of-NAME/x"
    assert page.nameless("/home/bert/torch/lib.so") == "/home/NAME/torch/lib.so"
    assert page.nameless("/Users/Bert/x and C:\\Users\\Bert\\y") == "/Users/NAME/x and C:\\Users\\NAME\\y"
    assert page.nameless("annabelle and hannah keep their names") == "annabelle and hannah keep their names"
    assert page.nameless("a\nb\x1b[2J") == "a\\nb\\x1b[2J"
    values = page.as_values({VERSIONS: Section([Fact("places", [f"{tmp_path}/anna/a"])])})
    assert values["sections"]["versions"]["places"] == ["~/a"]


def test_a_section_stops_cleaning_when_one_remark_does() -> None:
    assert Section([], [Remark("slow"), Remark("broken", stops_cleaning=True)]).stops_cleaning
    assert not Section([], [Remark("slow")]).stops_cleaning


def test_words_are_made_from_the_value_if_there_are_none() -> None:
    facts = (
        Fact("cores", 2),
        Fact("cards", ["a", "b"]),
        Fact("cards", []),
        Fact("speed", 0.5, "0.5 MP/s"),
        Fact("load", None),
    )
    assert [str(fact) for fact in facts] == ["2", "a, b", "none", "0.5 MP/s", "unknown"]
