import os
import subprocess
import sys

import torch

from denoiser.training.vision import transforms

PLANTED = """
raise RuntimeError("operator torchvision::nms does not exist")
"""
ASK = """
from denoiser.errors import BrokenInstall
from denoiser.training.vision import transforms
try:
    transforms()
except BrokenInstall as error:
    print(error.exit_code, error.message, error.hint)
"""


def test_what_fits_is_given():
    small = transforms().resize(torch.zeros(3, 8, 8, dtype=torch.uint8), [4, 4], antialias=True)
    assert small.shape == (3, 4, 4)


def test_a_torchvision_that_does_not_fit_is_named_with_the_remedy(tmp_path):
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(PLANTED)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    shown = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("4 torchvision cannot be used beside torch")
    assert "nms" in shown.stdout
    assert "pip install" in shown.stdout
