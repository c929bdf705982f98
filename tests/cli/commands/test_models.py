"""`denoise models`: lists, verifies, explains."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from denoiser.models import catalog


@pytest.fixture
def installed(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only the small random weights are installed."""
    monkeypatch.setattr(catalog, "_places", lambda: [tiny_weights.parent])
    return tiny_weights


def _spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _second(installed: Path, name: str) -> Path:
    """Another file beside the first, with a card of its own."""
    for suffix in (".safetensors", ".toml"):
        installed.with_name(name + suffix).write_bytes(installed.with_suffix(suffix).read_bytes())
    return installed.with_name(f"{name}.safetensors")


def test_the_list(call, installed: Path) -> None:
    answer = call("models")
    assert answer.code == 0
    assert answer.out.splitlines()[0] == "denoiser-tiny: verified"
    assert "Random weights for tests. 0.0 M parameters, Apache-2.0." in answer.out


def test_all_that_is_on_the_card(call, installed: Path) -> None:
    words = call("models", "denoiser-tiny").out
    assert str(installed) in words and "dense-autoencoder-1" in words and "sha256" in words
    assert "Missing from its card" in words and "licences" in words
    assert call("models", installed).out == words


def test_a_changed_file_is_named_and_gives_5(call, installed: Path) -> None:
    _second(installed, "another")
    _spoil(installed)
    answer = call("models")
    assert answer.code == 5
    assert "denoiser-tiny: MODIFIED OR INVALID" in answer.out and "another: verified" in answer.out


def test_a_bad_card_is_named_and_the_others_are_listed(call, installed: Path) -> None:
    _second(installed, "another")
    installed.with_suffix(".toml").write_text("no card at all")
    _second(installed, "bare").with_suffix(".toml").unlink()
    answer = call("models")
    assert answer.code == 5
    heads = [line for line in answer.out.splitlines() if not line.startswith(" ")]
    assert heads == [
        "another: verified",
        "bare: NO READABLE CARD",
        "denoiser-tiny: NO READABLE CARD",
    ]
    assert "its card bare.toml is missing" in answer.out
    said = [json.loads(line) for line in call("models", "--json").out.splitlines()]
    assert [one["verified"] for one in said] == [True, False, False]
    assert "invalid card" in said[2]["problem"] and said[2]["path"] == str(installed)


def test_verify_loads_the_network_as_well(call, installed: Path) -> None:
    assert call("models", "--verify").out.startswith("denoiser-tiny: verified and loaded")
    foreign = _second(installed, "foreign")
    save_file({"someone.elses": torch.zeros(3)}, foreign)
    card = foreign.with_suffix(".toml")
    digest = hashlib.sha256(foreign.read_bytes()).hexdigest()
    card.write_text(re.sub('sha256 = ".*"', f'sha256 = "{digest}"', card.read_text("utf-8")), "utf-8")
    assert call("models").code == 0  # the digest is right; only loading shows what is inside
    answer = call("models", "--verify")
    assert answer.code == 5 and "weights do not match a dense-autoencoder-1" in answer.out


def test_for_programs(call, installed: Path) -> None:
    said = json.loads(call("models", "--json").out)
    assert said["name"] == "denoiser-tiny" and said["verified"] is True and said["path"] == str(installed)
    assert "recipe" in said["gaps"] and said["problem"] == ""


def test_no_such_weights(call, installed: Path) -> None:
    answer = call("models", "other")
    assert answer.code == 4
    assert answer.err.startswith("No weights named 'other'; installed: denoiser-tiny.")


def test_none_at_all(call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalog, "_places", lambda: [tmp_path / "none"])
    assert call("models").code == 4
