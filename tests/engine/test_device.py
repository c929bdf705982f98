import pytest
import torch

from denoiser.engine.device import choose, choose_device, hardware_name
from denoiser.errors import MissingDevice


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
