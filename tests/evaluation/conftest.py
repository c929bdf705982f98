"""Small photos, and the shipped network in fp32, which gives the same figures on every machine."""

import pytest
from skimage import data

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions


@pytest.fixture(scope="session")
def session():
    return Session(DenoiseOptions(precision="fp32", device="cpu"))


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder with three crops of 64 × 72 pixels."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "chelsea", "coffee"):
        imageio.write(from_numpy(getattr(data, name)()[100:164, 160:232]), folder / f"{name}.png")
    return folder


@pytest.fixture
def quiet():
    return lambda _name: None
