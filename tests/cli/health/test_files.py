"""Weights that are valid, modified, without a card, or missing; folders that cannot be written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from denoiser.models import catalog
from denoiser_cli.health import files
from denoiser_cli.health.page import Fact, Section


@pytest.fixture
def shelf(tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds a copy of the shipped denoiser and is the only one."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for file in (pytestconfig.rootpath / "weights").glob("denoiser-fast.*"):
        shutil.copy(file, folder)
    monkeypatch.setattr(catalog, "_places", lambda: [folder])
    return folder


def test_valid_weights_are_verified(shelf: Path) -> None:
    section = files.examine_weights()
    assert [(fact.name, fact.value) for fact in section.facts] == [("denoiser-fast", True)]
    assert section.remarks == []


def test_changed_weights_stop_cleaning(shelf: Path) -> None:
    file = shelf / "denoiser-fast.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    section = files.examine_weights()
    assert section.stops_cleaning
    assert "modified or truncated" in section.remarks[0].text


def test_weights_without_a_card_stop_cleaning_and_others_do_not(shelf: Path) -> None:
    (shelf / "mine.safetensors").write_bytes(b"")
    section = files.examine_weights()
    assert not section.stops_cleaning
    assert "Weights mine: has no readable card" in section.remarks[0].text
    (shelf / "denoiser-fast.toml").unlink()
    assert files.examine_weights().stops_cleaning


def test_no_weights_at_all(shelf: Path) -> None:
    for file in shelf.iterdir():
        file.unlink()
    section = files.examine_weights()
    assert section.stops_cleaning and section.facts == []
    assert section.remarks[0].text == "No weights named 'auto'; installed: none."
    assert "--force-reinstall denoiser-studio" in section.remarks[0].remedy


def fact(section: Section, name: str) -> Fact:
    return next(fact for fact in section.facts if fact.name == name)


def test_a_folder_for_outputs_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    section = files.examine_places(str(tmp_path))
    assert fact(section, "outputs").value is True
    assert "GB free" in str(fact(section, "outputs"))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_not_created(tmp_path: Path) -> None:
    section = files.examine_places(str(tmp_path / "new" / "clean"))
    assert fact(section, "outputs").value is True
    assert f"will be created in {tmp_path}" in str(fact(section, "outputs"))
    assert not (tmp_path / "new").exists()


def test_an_unwritable_output_folder_stops_cleaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    section = files.examine_places(str(tmp_path / "file" / "clean"))
    assert fact(section, "outputs").value is False
    assert section.stops_cleaning
    assert section.remarks[0].text == f"{tmp_path}/file/clean: not writable (Not a directory)."


def test_little_free_space_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LITTLE", 1e9)  # GB
    section = files.examine_places(str(tmp_path))
    assert "GB are free" in section.remarks[0].text
    assert not section.stops_cleaning


def test_no_temporary_folder_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(files.tempfile, "gettempdir", none)
    section = files.examine_places(str(tmp_path))
    assert [remark.text for remark in section.remarks] == ["No folder for temporary files found."]
