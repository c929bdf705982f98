"""The same noisy image in every form that the calls take."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from skimage import data

from denoiser.image import from_numpy

Array = np.ndarray[Any, Any]

PHOTO: Array = np.clip(
    data.astronaut()[:64, 200:264] + np.random.default_rng(1).normal(0, 20, (64, 64, 3)), 0, 255
).astype(np.uint8)
_GREY = PHOTO[:, :, 1]
_RGBA = np.dstack([PHOTO, np.full((64, 64), 200, np.uint8)])
_PLANES = torch.from_numpy(PHOTO.copy()).permute(2, 0, 1)


def _file(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"photo{suffix}"
        PillowImage.fromarray(PHOTO).save(path)
        return path

    return write


def _png() -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(PHOTO).save(file, "PNG")
    return file.getvalue()


def _pillow(mode: str) -> PillowImage.Image:
    if mode == "F":
        return PillowImage.fromarray((_GREY / 255).astype(np.float32))
    if mode in ("I", "I;16"):
        return PillowImage.fromarray(_GREY.astype(np.int32 if mode == "I" else np.uint16) * 257)
    return PillowImage.fromarray(PHOTO).convert(mode)


# One image each, made in a folder of its own.
ONE: dict[str, Callable[[Path], Any]] = {
    "Image": lambda _: from_numpy(PHOTO),
    "uint8 HxW": lambda _: _GREY,
    "uint8 HxWx1": lambda _: _GREY[:, :, None],
    "uint8 HxWx2": lambda _: _RGBA[:, :, 2:],
    "uint8 HxWx3": lambda _: PHOTO,
    "uint8 HxWx4": lambda _: _RGBA,
    "uint16 HxWx3": lambda _: PHOTO.astype(np.uint16) * 257,
    "big-endian uint16": lambda _: (PHOTO.astype(np.uint16) * 257).astype(">u2"),
    "float16 HxWx3": lambda _: (PHOTO / 255).astype(np.float16),
    "float32 HxWx3": lambda _: (PHOTO / 255).astype(np.float32),
    "float64 HxW": lambda _: _GREY / 255,
    "float64 HxWx4": lambda _: _RGBA / 255,
    "Fortran order": lambda _: np.asfortranarray(PHOTO),
    "every second pixel": lambda _: np.repeat(PHOTO, 2, axis=1)[:, ::-2],
    "read-only": lambda _: np.frombuffer(PHOTO.tobytes(), np.uint8).reshape(PHOTO.shape),
    "tensor uint8 CxHxW": lambda _: _PLANES,
    "tensor uint16 CxHxW": lambda _: torch.from_numpy(PHOTO.astype(np.uint16) * 257).permute(2, 0, 1),
    "tensor float16 CxHxW": lambda _: (_PLANES / 255).half(),
    "tensor bfloat16 CxHxW": lambda _: (_PLANES / 255).bfloat16(),
    "tensor float32 HxW": lambda _: _PLANES[1] / 255,
    "tensor float64 CxHxW": lambda _: _PLANES.double() / 255,
    **{
        f"Pillow {mode}": lambda _, mode=mode: _pillow(mode)
        for mode in ("L", "LA", "RGB", "RGBA", "I", "I;16", "F")
    },
    **{f"Pillow {mode}": lambda _, mode=mode: _pillow(mode) for mode in ("YCbCr", "HSV", "P", "1", "CMYK")},
    "path": _file(".png"),
    "text of a path": lambda folder: str(_file(".tif")(folder)),
    "bytes": lambda _: _png(),
    "bytearray": lambda _: bytearray(_png()),
    "BytesIO": lambda _: io.BytesIO(_png()),
    "open file": lambda folder: open(_file(".png")(folder), "rb"),  # noqa: SIM115 - the test closes it
}
STACKS: dict[str, Callable[[Path], Any]] = {
    "uint8 NxHxWxC": lambda _: np.stack([PHOTO, PHOTO[::-1]]),
    "float32 NxHxWx1": lambda _: (np.stack([_GREY, _GREY[::-1]])[..., None] / 255).astype(np.float32),
    "tensor NxCxHxW": lambda _: torch.stack([_PLANES, _PLANES.flip(1)]),
}


@pytest.fixture(params=list(ONE))
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """One image, in each form in turn."""
    value = ONE[request.param](tmp_path)
    yield value
    if isinstance(value, io.IOBase):
        value.close()


@pytest.fixture(params=list(STACKS))
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Two images, in each form in turn."""
    return STACKS[request.param](tmp_path)


@pytest.fixture
def photo() -> Array:
    """Noisy, uint8, 64 x 64."""
    return PHOTO.copy()
