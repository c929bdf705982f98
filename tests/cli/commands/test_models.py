"""`denoise models`: lists, verifies, explains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from denoiser.models import catalog


@pytest.fixture
def installed(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only the small random weights are installed."""
    monkeypatch.setattr(catalog, "_places", lambda: [tiny_weights.parent])
    return tiny_weights


def test_the_list(call, installed: Path) -> None:
    answer = call("models")
    assert answer.code == 0
    assert answer.out.splitlines()[0] == "denoiser-tiny: verified"
    assert "Random weights for tests. 0.0 M parameters, Apache-2.0." in answer.out


def test_all_that_is_on_the_card(call, installed: Path) -> None:
    words = call("models", "denoiser-tiny").out
    assert str(installed) in words and "dense-autoencoder-1" in words and "sha256" in words
    assert call("models", installed).out == words


def test_a_changed_file_is_named_and_gives_5(call, installed: Path) -> None:
    data = bytearray(installed.read_bytes())
    data[-1] ^= 1
    installed.write_bytes(data)
    answer = call("models")
    assert answer.code == 5
    assert answer.out.startswith("denoiser-tiny: CHANGED OR CUT")


def test_for_programs(call, installed: Path) -> None:
    said = json.loads(call("models", "--json").out)
    assert said["name"] == "denoiser-tiny" and said["verified"] is True and said["path"] == str(installed)


def test_no_such_weights(call, installed: Path) -> None:
    answer = call("models", "other")
    assert answer.code == 4
    assert answer.err.startswith("No weights named 'other'; here are denoiser-tiny.")


def test_none_at_all(call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalog, "_places", lambda: [tmp_path / "none"])
    assert call("models").code == 4
