"""Weights that are whole, changed, without a card, and not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from denoiser.models import catalog
from denoiser_cli.health import weights


@pytest.fixture
def shelf(tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds a copy of the shipped denoiser and is the only one."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for file in (pytestconfig.rootpath / "weights").glob("denoiser-fast.*"):
        shutil.copy(file, folder)
    monkeypatch.setattr(catalog, "_places", lambda: [folder])
    return folder


def test_whole_weights_are_verified(shelf: Path) -> None:
    section = weights.examine()
    assert [(fact.name, fact.value) for fact in section.facts] == [("denoiser-fast", True)]
    assert section.remarks == []


def test_changed_weights_stop_cleaning(shelf: Path) -> None:
    file = shelf / "denoiser-fast.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    section = weights.examine()
    assert section.stops_cleaning
    assert "modified or truncated" in section.remarks[0].text


def test_weights_without_a_card_stop_cleaning_and_others_do_not(shelf: Path) -> None:
    (shelf / "mine.safetensors").write_bytes(b"")
    section = weights.examine()
    assert not section.stops_cleaning
    assert "Weights mine: has no readable card" in section.remarks[0].text
    (shelf / "denoiser-fast.toml").unlink()
    assert weights.examine().stops_cleaning


def test_no_weights_at_all(shelf: Path) -> None:
    for file in shelf.iterdir():
        file.unlink()
    section = weights.examine()
    assert section.stops_cleaning and section.facts == []
    assert section.remarks[0].text == "No weights named 'auto'; installed: none."
    assert "--force-reinstall denoiser-studio" in section.remarks[0].remedy
