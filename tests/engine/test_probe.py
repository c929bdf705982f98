import math
import time

import pytest
import torch

from denoiser import models
from denoiser.engine.probe import Trial, measure
from denoiser.networks.pyramid import PyramidAutoencoder


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
