import dataclasses
import shutil
import time

import numpy as np
import pytest

from denoiser.childprocess import Child
from denoiser.engine.integer import Verdict, judged
from denoiser.engine.integer_check import examine, relative_time
from denoiser.models import catalog
from denoiser.networks.int8 import as_bytes, beside, read_layers


@pytest.fixture
def copied(tmp_path):
    entry = catalog.find("fast", "cpu")
    for path in (entry.path, entry.path.with_suffix(".toml"), beside(entry.path)):
        shutil.copy(path, tmp_path)
    return catalog.find(str(tmp_path / entry.path.name), "cpu")


def test_the_shipped_integers_agree_with_fp32():
    path = str(catalog.find("fast", "cpu").path)
    with Child("denoiser.engine.integer_check", 120) as child:
        answer = child.ask({"model": path, "other": "fp32"})
    assert answer["time"] > 0
    assert judged({**answer, "time": 0.5}) == Verdict("", 0.5)


def test_wrong_integers_are_detected(copied):
    layers = read_layers(beside(copied.path), copied.card.sha256)
    wrong = dataclasses.replace(layers["leave_quarter.0.first"], kernel=-layers["leave_quarter.0.first"].kernel)
    layers["leave_quarter.0.first"] = wrong
    beside(copied.path).write_bytes(as_bytes(layers, copied.card.sha256))
    answer = examine({"model": str(copied.path), "other": "fp32"})
    assert "differs" in judged(answer).fault


def test_an_unreadable_file_is_a_fault_and_no_crash(copied):
    beside(copied.path).write_bytes(b"no tensors")
    answer = examine({"model": str(copied.path), "other": "fp32"})
    assert "invalid" in judged(answer).fault


def test_relative_time_counts_the_processor():
    def busy(seconds: float) -> None:
        until = time.process_time() + seconds
        while time.process_time() < until:
            np.ones(10).sum()

    assert 0.3 < relative_time(lambda: busy(0.01), lambda: busy(0.02)) < 0.7
