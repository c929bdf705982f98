import pytest
import torch

from denoiser.engine.device import choose_device, choose_precision, fast_bf16
from denoiser.errors import MissingDevice


def test_a_named_device_is_never_replaced_in_silence():
    assert choose_device("cpu") == "cpu"
    if not torch.cuda.is_available():
        assert choose_device("auto") == "cpu"
        with pytest.raises(MissingDevice, match="CUDA"):
            choose_device("cuda")


def test_bf16_is_taken_on_its_own_only_where_it_is_fast():
    assert choose_precision("auto", "cpu") == ("bf16" if fast_bf16() else "fp32")
    assert choose_precision("auto", "cuda") == "bf16"
    assert choose_precision("bf16", "cpu") == "bf16"
    assert choose_precision("fp32", "cuda") == "fp32"
