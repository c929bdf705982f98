"""What `read_input` copies, and what it leaves alone; the calls are tested in test_calls.py."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from denoiser.api.inputs import read_input
from denoiser.errors import UsageError
from denoiser.image import from_numpy


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pixels_are_not_copied_where_the_dtype_fits(dtype: Any) -> None:
    array = np.zeros((8, 9, 3), dtype)
    assert np.shares_memory(read_input(array).images[0].pixels, array)
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    assert np.shares_memory(read_input(tensor).images[0].pixels, array)
    assert array.flags.writeable, "the array of the caller stays writable"


def test_a_tensor_of_another_class_keeps_it() -> None:
    tv_tensors = pytest.importorskip("torchvision.tv_tensors")
    given = tv_tensors.Image(torch.zeros(3, 8, 8, dtype=torch.uint8))
    read = read_input(given)
    assert type(read.back(read.images)) is tv_tensors.Image


def test_only_a_stack_is_refused_where_one_image_is_wanted() -> None:
    assert read_input(np.zeros((8, 8))).the_one("call").height == 8
    with pytest.raises(UsageError, match="call takes one image"):
        read_input(np.zeros((1, 8, 8, 1))).the_one("call")


def test_an_image_is_passed_on_as_it_is() -> None:
    image = from_numpy(np.full((2, 2), -3, np.float32))
    read = read_input(image)
    assert read.images[0] is image and read.back([image]) is image


def test_files_are_opened_without_torch() -> None:
    program = """
import sys, io, numpy, denoiser
file = io.BytesIO()
denoiser.save_image(numpy.zeros((8, 8, 3), numpy.uint8), file)
data = denoiser.encode(file.getvalue(), lossless=True)
print(denoiser.decode(data), "torch" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout.strip() == "<Image 8x8 RGB, 8 bits from png> False", run.stderr
