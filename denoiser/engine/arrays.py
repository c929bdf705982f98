"""Code for arrays of numpy and of torch: both name most functions alike.

On a CPU all steps around the network use numpy, so that they need no torch; on a graphics card they use torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any  # of numpy or torch


def module_of(values: Array) -> Any:
    """The module with the functions for *values*: numpy or torch."""
    return np if isinstance(values, np.ndarray) else sys.modules["torch"]


def is_on_cpu(values: Array) -> bool:
    """Whether a question about *values* costs nothing: on a graphics card it would wait for all work."""
    return isinstance(values, np.ndarray)


def is_floating(values: Array) -> bool:
    """Whether the values are floating point."""
    return bool(values.dtype.kind == "f" if is_on_cpu(values) else values.is_floating_point())


def as_float(values: Array) -> Array:
    """A copy in fp32."""
    return values.astype(np.float32) if is_on_cpu(values) else values.float()


def constant_near(values: Array, constant: Callable[..., NDArray[np.float32]], *arguments: Any) -> Array:
    """The array that *constant* makes from *arguments*, where *values* are; made once."""
    if is_on_cpu(values):
        return _made(constant, *arguments)
    return _moved(values.device, constant, *arguments)


@cache
def _made(constant: Callable[..., NDArray[np.float32]], *arguments: Any) -> NDArray[np.float32]:
    return constant(*arguments)


@cache
def _moved(device: object, constant: Callable[..., NDArray[np.float32]], *arguments: Any) -> Array:
    return sys.modules["torch"].from_numpy(_made(constant, *arguments)).to(device)
