"""Latent files in the window: what a photo weighs and how it looks at a quality, and the same in other formats.

All of it runs beside the window. A photo is analysed once; each quality after that repeats the entropy stage and
the synthesis alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser.errors import DenoiserError, MissingModel
from denoiser.events import CancelToken
from denoiser.image import Image
from denoiser.options import EncodeOptions

if TYPE_CHECKING:
    from denoiser.codec.decode import Decoder
    from denoiser.codec.encode import Encoder
    from denoiser.imageio.sized import Sized

SUFFIX = ".dlf"
RIVALS = ("JPEG", "AVIF")
DEFAULT_QUALITY = 60.0
_OFF = 0.0  # of EncodeOptions.denoise


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What is to be seen: a photo at a quality, noise taken out or not, and what stands beside it."""

    image: Image
    quality: float = DEFAULT_QUALITY
    denoise: float | None = _OFF  # a sigma, None for the measured one
    rival: str = ""  # one of RIVALS, or nothing

    @property
    def cleans(self) -> bool:
        return self.denoise != _OFF


@dataclass(frozen=True, slots=True, eq=False)
class Rated:
    """A photo as a latent file."""

    wish: Wish
    data: bytes
    image: Image  # what the file gives back
    bits_per_pixel: float
    psnr: float | None  # to the photo; None where noise was taken out, for then it should differ
    noisy_bytes: int = 0  # what it would weigh at the same quality with its noise; 0 where that was not asked
    rival: Sized | None = None
    rival_problem: str = ""


class LatentWork:
    """Rates one photo after another. One thread; holds the analysis of the newest photo."""

    def __init__(self, model: str = "auto") -> None:
        self._model = model
        self._encoders: dict[float | None, Encoder] = {}
        self._decoder: Decoder | None = None
        self._image: Image | None = None
        self._trials: dict[float | None, Callable[[float, CancelToken], Any]] = {}

    def rate(self, wish: Wish, cancel: CancelToken) -> Rated:
        """Encodes, decodes and measures; stops within a tile of *cancel*. MissingModel where there is no codec."""
        from denoiser.metrics import psnr

        encoded = self._trial(wish.image, wish.denoise)(wish.quality, cancel)
        image = self._decoded(encoded.data, cancel)
        noisy_bytes = 0
        if wish.cleans and encoded.noise is not None:
            noisy_bytes = len(self._trial(wish.image, _OFF)(wish.quality, cancel).data)
        near = None if encoded.noise is not None else psnr(image.pixels, wish.image.pixels, white=wish.image.white)
        rival, problem = _rival(wish, len(encoded.data), cancel)
        return Rated(wish, encoded.data, image, encoded.bits_per_pixel, near, noisy_bytes, rival, problem)

    def _trial(self, image: Image, denoise: float | None) -> Callable[[float, CancelToken], Any]:
        from denoiser.codec.encode import Encoder

        if image is not self._image:
            self._image, self._trials = image, {}
        if denoise not in self._encoders:
            self._encoders = {level: self._encoders[level] for level in self._encoders if level == _OFF}
            self._encoders[denoise] = Encoder(EncodeOptions(denoise=denoise, model=self._model))
        if denoise not in self._trials:
            self._trials = {level: self._trials[level] for level in self._trials if level == _OFF}
            self._trials[denoise] = self._encoders[denoise].trial(image)
        return self._trials[denoise]

    def _decoded(self, data: bytes, cancel: CancelToken) -> Image:
        from denoiser.codec import container
        from denoiser.codec.decode import Decoder
        from denoiser.options import DecodeOptions, ReadOptions

        if self._decoder is None:
            self._decoder = Decoder(DecodeOptions(model=self._model))
        file = container.read_bytes(data, SUFFIX, ReadOptions())
        return self._decoder.decode(file, SUFFIX, cancel=cancel).image


def is_latent(path: Path) -> bool:
    """Whether a file is a latent one, by its name."""
    return path.suffix.lower() == SUFFIX


def read_latent(path: Path, model: str = "auto") -> Image:
    """The picture in a latent file; raises DamagedLatent, UnknownWeights, or another UnreadableImage."""
    from denoiser.codec import container
    from denoiser.codec.decode import Decoder
    from denoiser.options import DecodeOptions, ReadOptions

    status = path.stat() if path.exists() else None
    times = (status.st_atime_ns, status.st_mtime_ns) if status else None
    return (
        Decoder(DecodeOptions(model=model))
        .decode(container.read(path, ReadOptions()), str(path), times_ns=times)
        .image
    )


def why_not(model: str = "auto") -> DenoiserError | None:
    """Why no latent file can be written here; None where one can."""
    from denoiser.codec import model as codec_model

    try:
        codec_model.find(model)
    except MissingModel as error:
        return error
    return None


def _rival(wish: Wish, most_bytes: int, cancel: CancelToken) -> tuple[Sized | None, str]:
    if not wish.rival:
        return None, ""
    from denoiser.errors import UnwritableImage
    from denoiser.imageio.sized import sized

    cancel.raise_if_cancelled()
    try:
        return sized(wish.image, wish.rival, most_bytes, cancel), ""
    except UnwritableImage as error:
        return None, error.message
