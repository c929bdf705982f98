"""Findings survive the way from one process to another."""

from __future__ import annotations

import json

from denoiser_cli.health.page import Fact, Remark, Section, from_values, section_as_values

SECTION = Section(
    (Fact("cores", 2), Fact("cards", ["a", "b"]), Fact("speed", 0.5, "0.5 MP/s"), Fact("load", None)),
    (Remark("slow"), Remark("broken", "mend it", stops_cleaning=True)),
)


def test_there_and_back_through_json() -> None:
    assert from_values(json.loads(json.dumps(section_as_values(SECTION)))) == SECTION


def test_a_section_stops_cleaning_when_one_remark_does() -> None:
    assert SECTION.stops_cleaning
    assert not Section((), SECTION.remarks[:1]).stops_cleaning


def test_words_are_made_from_the_value_where_none_are_given() -> None:
    assert [str(fact) for fact in SECTION.facts] == ["2", "a, b", "0.5 MP/s", "unknown"]
    assert str(Fact("cards", [])) == "none"
