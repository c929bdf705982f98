"""The weights that are shipped: complete cards, training photos whose licences allow what was done with them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from denoiser.models import catalog, loading
from denoiser.models.card import gaps
from denoiser.models.catalog import CatalogEntry

# The families that allow training a network and giving it away, and how the photos' sources write them. A photo
# whose source names several, "per file", has one of them.
FAMILIES = {
    "BSD": r"BSD-2-Clause",
    "CC BY": r"CC-BY(?!-)(?:-\d\.0)?|CC-BY-\d\.0",
    "CC BY-SA": r"CC-BY-SA(?:-\d\.0)?",
    "CC0 or public domain": r"CC0(?:-1\.0)?|PD\b|public domain",
    "GFDL": r"GFDL",
    "GPL or LGPL": r"L?GPL(?:-[23]\+?)?",
    "MIT": r"MIT\b",
    "Pexels": r"Pexels",
    "Pixabay": r"Pixabay",
    "Unsplash": r"Unsplash",
    "free for any use, in the author's words": r"free to use these media files however you wish",
}
FORBIDDEN = re.compile(r"-N[CD]\b|non-?commercial|no derivative|research only|all rights reserved", re.IGNORECASE)


def _attribution() -> list[dict[str, str]]:
    (folder,) = {entry.path.parent for entry in catalog.entries()}
    with (folder / "ATTRIBUTION.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _families(licence: str) -> Iterator[str]:
    return (name for name, pattern in FAMILIES.items() if re.search(pattern, licence))


@pytest.fixture(params=[entry.name for entry in catalog.entries()])
def shipped(request: pytest.FixtureRequest) -> CatalogEntry:
    return catalog.find(request.param, "cpu")


def test_every_card_is_complete(shipped: CatalogEntry) -> None:
    assert gaps(shipped.card) == ()
    assert shipped.card.licence == "Apache-2.0"


def test_every_denoiser_loads(shipped: CatalogEntry) -> None:
    if shipped.card.task != "denoiser":
        pytest.skip("what else is shipped is loaded by the room that uses it, and tested there")
    assert loading.load(shipped).digest == shipped.card.sha256


def test_every_training_photo_may_be_used_so() -> None:
    for row in _attribution():
        assert row["picture"] and row["source"] and row["used_for"]
        assert list(_families(row["licence"])), f"{row['picture']}: is {row['licence']!r} one that allows training?"
        assert not FORBIDDEN.search(row["licence"]), f"{row['picture']}: {row['licence']}"


def test_a_licence_that_forbids_is_not_taken_for_one_that_allows() -> None:
    for licence in ("CC-BY-NC-4.0", "CC-BY-SA-NC", "CC-BY-ND-4.0", "PolyU, non-commercial", "unknown"):
        assert FORBIDDEN.search(licence) or not list(_families(licence))


def test_card_and_list_agree(shipped: CatalogEntry) -> None:
    """The card says how many photos and under which licences; the list names each of them."""
    training = shipped.card.training
    assert {"photos", "attribution"} <= training.keys(), (
        "say under [training] how many `photos` there were, and in `attribution` their used_for in ATTRIBUTION.csv"
    )
    rows = [row for row in _attribution() if row["used_for"] == training["attribution"]]
    assert len({row["id"] for row in rows}) == len(rows) == training["photos"]
    assert str(training["photos"]) in training["data"]
    assert training["licences"] == sorted({name for row in rows for name in _families(row["licence"])})


@pytest.mark.data
def test_the_list_is_what_the_index_of_the_data_says(data_folder: Path) -> None:
    with (data_folder / "index.csv").open(encoding="utf-8", newline="") as file:
        index = [row for row in csv.DictReader(file) if row["file"].startswith("train/")]
    expected = {(Path(row["file"]).stem, row["source"], row["author"], row["licence"]) for row in index}
    named = {
        (f"{row['id']}_{row['picture']}", row["source"], row["author"], row["licence"]) for row in _attribution()
    }
    assert named == expected and len(named) == len(index)
