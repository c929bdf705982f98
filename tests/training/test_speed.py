import re

import pytest
import torch

from denoiser.training.speed import peak_flops, speed_note, training_flops


def test_the_peak_is_that_of_a_machine():
    assert 1e7 < peak_flops(torch.device("cpu"), bf16=False) < 1e14


def test_a_training_does_six_operations_for_each_multiplication():
    assert training_flops(0.5, 60) == pytest.approx(0.5e6 * 60e3 * 6)


def test_the_note_names_speed_share_and_peak(tiny_run):
    note = speed_note(tiny_run(), 0.25)
    assert re.fullmatch(r"0.25 MP/s, \d+% of the [\d.e-]+ TFLOP/s that cpu reaches in fp32", note)
    assert ", 0% of" in speed_note(tiny_run(), 0.0)
