import json
import threading
from pathlib import Path

import pytest
import torch

from denoiser import models
from denoiser.engine import device, precision
from denoiser.engine.precision import CACHE_VARIABLE, cache_folder, choose_precision
from denoiser.engine.probe import Trial


@pytest.fixture
def model(tiny_weights) -> models.LoadedModel:
    return models.load(models.find(str(tiny_weights), "cpu"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Counts the trials, which say that bf16 is fast and right; the processor is one that is worth a trial."""
    monkeypatch.setattr(precision, "lacks_bf16", lambda: False)
    trials: list[str] = []

    def trial(network, place) -> Trial:
        trials.append(place)
        return Trial(0.2, 0.1, 0.1, 1.0)

    monkeypatch.setattr(precision, "measure", trial)
    return trials


@pytest.mark.parametrize("wish", ["fp32", "bf16"])
def test_a_named_precision_is_taken_without_a_trial(wish, model, cache, measured):
    choice = choose_precision(wish, "cpu", model, cache=cache)
    assert (choice.name, choice.reason) == (wish, "as requested")
    assert measured == [] and not cache.exists()


def test_the_trial_is_remembered_for_this_machine_and_network(model, cache, measured):
    first = choose_precision("auto", "cpu", model, cache=cache)
    assert first.name == "bf16" and "2 times" in first.reason
    assert choose_precision("auto", "cpu", model, cache=cache) == first
    assert measured == ["cpu"]
    [key] = json.loads((cache / "precision.json").read_text(encoding="utf-8"))
    assert torch.__version__ in key and "kMAC" in key


def test_the_verdict_of_a_busy_machine_is_for_this_time(model, cache, monkeypatch):
    monkeypatch.setattr(precision, "lacks_bf16", lambda: False)
    trials = [Trial(0.2, 0.4, 0.1, 1.0, disturbed=True), Trial(0.2, 0.1, 0.1, 1.0)]
    monkeypatch.setattr(precision, "measure", lambda _network, _place: trials.pop(0))
    assert choose_precision("auto", "cpu", model, cache=cache).name == "fp32"
    assert choose_precision("auto", "cpu", model, cache=cache).name == "bf16"
    assert choose_precision("auto", "cpu", model, cache=cache).name == "bf16" and trials == []


@pytest.mark.parametrize("spoilt", [b"", b"\xff\xfe", b"[]", b'{"a": 1}', b"{"])
def test_a_spoilt_cache_is_measured_anew(model, cache, measured, spoilt):
    file = cache / "precision.json"
    choose_precision("auto", "cpu", model, cache=cache)
    key = next(iter(json.loads(file.read_text(encoding="utf-8"))))
    file.write_bytes(spoilt)
    assert choose_precision("auto", "cpu", model, cache=cache).name == "bf16"
    for entry in (None, "bf16", [1], [1, 0.2, 0.1, 0.1, 1.0], [2, "a", 0.1, 0.1, 1.0]):
        file.write_text(json.dumps({key: entry}), encoding="utf-8")
        assert choose_precision("auto", "cpu", model, cache=cache).name == "bf16"
    assert len(measured) == 7


def test_a_cache_that_cannot_be_written_is_ignored(model, cache, measured):
    cache.write_bytes(b"")  # a file where a folder should be
    assert choose_precision("auto", "cpu", model, cache=cache).name == "bf16"
    assert measured == ["cpu"]


def test_many_at_once_leave_a_whole_file(model, cache, measured):
    threads = [
        threading.Thread(target=choose_precision, args=("auto", "cpu", model), kwargs={"cache": cache})
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads((cache / "precision.json").read_text(encoding="utf-8"))) == 1
    assert [path.name for path in cache.iterdir()] == ["precision.json"]


def test_the_cache_lies_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder().is_relative_to(tmp_path)


def test_a_processor_without_bf16_is_not_kept_waiting_by_a_trial(model, cache, measured, monkeypatch):
    monkeypatch.setattr(precision, "lacks_bf16", lambda: True)
    choice = choose_precision("auto", "cpu", model, cache=cache)
    assert (choice.name, measured) == ("fp32", [])
    assert "no bf16 instructions" in choice.reason


@pytest.mark.long
def test_where_bf16_is_only_emulated_the_real_trial_finds_fp32(cache, monkeypatch):
    if not device.lacks_bf16():
        pytest.skip("this processor has bf16")
    monkeypatch.setattr(precision, "lacks_bf16", lambda: False)
    fast = models.load(models.find("denoiser-fast", "cpu"))
    choice = choose_precision("auto", "cpu", fast, cache=cache)
    assert choice.name == "fp32"
    assert "times the speed of fp32" in choice.reason
