import dataclasses
import shutil
import time

import numpy as np
import pytest

from denoiser.childprocess import Child
from denoiser.engine.network_check import examine, fastest
from denoiser.engine.verdict import judged
from denoiser.models import catalog
from denoiser.networks.int8 import as_bytes, beside, read_layers


@pytest.fixture
def copied(tmp_path):
    entry = catalog.find("fast", "cpu")
    for path in (entry.path, entry.path.with_suffix(".toml"), beside(entry.path)):
        shutil.copy(path, tmp_path)
    return catalog.find(str(tmp_path / entry.path.name), "cpu")


def test_shipped_weights_agree_with_torch():
    path = str(catalog.find("fast", "cpu").path)
    with Child("denoiser.engine.network_check", 120) as child:
        answer = child.ask({"model": path})
    assert answer["torch"]["time"] > 0 and answer["fp32"]["time"] > 0 and answer["int8"]["time"] > 0
    answer["torch"] |= {"precision": "fp32", "time": 1.0}
    answer["fp32"]["time"], answer["int8"]["time"] = 0.9, 0.5
    assert judged(answer).fp32 and judged(answer).automatic == "int8"


def test_wrong_integers_are_detected(copied):
    layers = read_layers(beside(copied.path), copied.card.sha256)
    wrong = dataclasses.replace(layers["leave_quarter.0.first"], kernel=-layers["leave_quarter.0.first"].kernel)
    layers["leave_quarter.0.first"] = wrong
    beside(copied.path).write_bytes(as_bytes(layers, copied.card.sha256))
    verdict = judged(examine({"model": str(copied.path)}))
    assert verdict.automatic != "int8" and "int8 differs" in verdict.reason


def test_an_unreadable_file_is_a_fault_and_no_crash(copied):
    beside(copied.path).write_bytes(b"no tensors")
    verdict = judged(examine({"model": str(copied.path)}))
    assert verdict.automatic != "int8" and "invalid" in verdict.reason


def test_the_fastest_round_of_each_counts():
    def busy(seconds: float) -> None:
        until = time.process_time() + seconds
        while time.process_time() < until:
            np.ones(10).sum()

    one, other = fastest([lambda: busy(0.01), lambda: busy(0.02)])
    assert 0.3 < one / other < 0.7
