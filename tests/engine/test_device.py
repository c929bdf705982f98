import os
import subprocess
import sys

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


@pytest.mark.skipif(torch.cuda.is_available() or sys.platform == "darwin", reason="torch is asked about its GPU")
def test_without_a_driver_of_a_graphics_card_torch_is_not_imported():
    code = """
import sys
from denoiser.engine.device import choose
from denoiser.errors import MissingDevice
assert choose("auto").name == "cpu"
for missing in ("cuda", "mps"):
    try:
        choose(missing)
    except MissingDevice:
        continue
    sys.exit(f"found {missing}")
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
