import json
import math
import threading
import time
from pathlib import Path

import pytest
import torch

from denoiser import models
from denoiser.engine import device
from denoiser.engine.device import (
    CACHE_VARIABLE,
    Trial,
    cache_folder,
    choose,
    choose_device,
    choose_precision,
    hardware_name,
    measure,
)
from denoiser.errors import MissingDevice
from denoiser.networks.pyramid import PyramidAutoencoder


def test_a_named_device_is_never_replaced_in_silence():
    assert choose_device("cpu") == "cpu"
    assert choose("cpu").reason == "as requested"
    if not torch.cuda.is_available():
        assert choose("auto").name == "cpu"
        assert "no CUDA device" in choose("auto").reason
        with pytest.raises(MissingDevice, match="CUDA"):
            choose("cuda")
    if not torch.backends.mps.is_available():
        with pytest.raises(MissingDevice, match="Apple"):
            choose("mps")


def test_the_hardware_has_a_name():
    assert hardware_name("cpu").strip()


@pytest.fixture
def model(tiny_weights) -> models.LoadedModel:
    return models.load(models.find(str(tiny_weights), "cpu"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Counts the trials, which say that bf16 is fast and right; the processor is one that is worth a trial."""
    monkeypatch.setattr(device, "lacks_bf16", lambda: False)
    trials: list[str] = []

    def trial(network, place) -> Trial:
        trials.append(place)
        return Trial(0.2, 0.1, 0.1, 1.0)

    monkeypatch.setattr(device, "measure", trial)
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
    monkeypatch.setattr(device, "lacks_bf16", lambda: False)
    trials = [Trial(0.2, 0.4, 0.1, 1.0, disturbed=True), Trial(0.2, 0.1, 0.1, 1.0)]
    monkeypatch.setattr(device, "measure", lambda _network, _place: trials.pop(0))
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
    monkeypatch.setattr(device, "lacks_bf16", lambda: True)
    choice = choose_precision("auto", "cpu", model, cache=cache)
    assert (choice.name, measured) == ("fp32", [])
    assert "no bf16 instructions" in choice.reason


@pytest.mark.long
def test_where_bf16_is_only_emulated_the_real_trial_finds_fp32(cache, monkeypatch):
    if not device.lacks_bf16():
        pytest.skip("this processor has bf16")
    monkeypatch.setattr(device, "lacks_bf16", lambda: False)
    fast = models.load(models.find("denoiser-fast", "cpu"))
    choice = choose_precision("auto", "cpu", fast, cache=cache)
    assert choice.name == "fp32"
    assert "times the speed of fp32" in choice.reason


@pytest.mark.parametrize(
    ("trial", "name"),
    [
        (Trial(0.2, 0.1, 0.1, 1.0), "bf16"),
        (Trial(0.2, 0.19, 0.1, 1.0), "fp32"),  # hardly faster
        (Trial(0.2, 2.0, 0.1, 1.0), "fp32"),
        (Trial(0.2, 0.1, 0.4, 1.0), "fp32"),  # wrong everywhere
        (Trial(0.2, 0.1, 0.1, 40.0), "fp32"),  # wrong somewhere
        (Trial(0.2, 0.1, math.nan, math.nan), "fp32"),
    ],
)
def test_bf16_must_be_faster_and_right(trial, name):
    assert trial.verdict().name == name
    assert trial.verdict().reason


@pytest.fixture
def network(tiny_weights) -> PyramidAutoencoder:
    return models.load(models.find(str(tiny_weights), "cpu")).network


def test_the_network_itself_is_tried(network):
    trial = measure(network, "cpu")
    assert trial.fp32_seconds > 0 and trial.bf16_seconds > 0
    # Rounded to 8 bits of mantissa, and yet the same picture: the rounding shows, and is small.
    assert 0.001 < trial.rms < 0.35
    assert trial.rms < trial.largest <= 3


def test_a_build_that_reckons_wrongly_is_found(network):
    def wrong_in_bf16(layer, inputs, output):
        return output + 2 if output.dtype == torch.bfloat16 else output

    network.tail.register_forward_hook(wrong_in_bf16)
    verdict = measure(network, "cpu").verdict()
    assert verdict.name == "fp32"
    assert "differs" in verdict.reason


def test_other_work_on_the_machine_is_noticed(network):
    network.tail.register_forward_hook(lambda *_: time.sleep(0.05))  # as when others have the core
    assert measure(network, "cpu").disturbed


def test_where_bf16_is_hopeless_two_rounds_are_enough(network):
    calls = []

    def slow_in_bf16(layer, inputs, output):
        calls.append(output.dtype)
        if output.dtype == torch.bfloat16:
            time.sleep(0.5)

    network.tail.register_forward_hook(slow_in_bf16)
    assert measure(network, "cpu").verdict().name == "fp32"
    assert calls.count(torch.bfloat16) == 2
