"""The one door to torchvision, which fails at import beside a torch that it was not built for."""

from __future__ import annotations

import functools
from importlib import import_module
from types import ModuleType

import torch

from denoiser.errors import BrokenInstall


@functools.cache
def transforms() -> ModuleType:
    """torchvision.transforms.v2.functional, or BrokenInstall with the remedy."""
    try:
        return import_module("torchvision.transforms.v2.functional")
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise BrokenInstall(
            f"torchvision cannot be used beside torch {torch.__version__}: {error}",
            hint="Install the two together: `pip install --force-reinstall torch torchvision`, from one index.",
        ) from error
