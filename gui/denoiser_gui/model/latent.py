"""Latent file preview: size and appearance at a quality, compared with other formats.

Runs in a worker thread. A photo is analysed once; each quality then repeats only entropy coding and synthesis. Of a
large photo one visible megapixel is encoded and the figures are extrapolated. Saving encodes the whole photo.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser.events import CancelToken, Event, TileDone
from denoiser.image import Image, Metadata
from denoiser.options import EncodeOptions
from denoiser.tiling import Region

if TYPE_CHECKING:
    from denoiser.codec.decode import Decoder
    from denoiser.codec.encode import Encoder
    from denoiser.imageio.rivals import Sized

SUFFIX = ".dlf"
RIVALS = ("JPEG", "AVIF")
DEFAULT_QUALITY = 60.0
WHOLE_UP_TO = 1_500_000  # pixels; photos up to this size are encoded whole, in a second or two the first time
_SAMPLE_SIDE = 1024  # pixels; side of the sample of a larger photo
_UNIT = 64  # pixels; a sample aligned to tiles is coded as in the whole photo
_OFF = 0.0  # of EncodeOptions.denoise


@dataclass(frozen=True, slots=True, eq=False)
class LatentRequest:
    """What to encode: photo, quality, denoising, and the format to compare with."""

    image: Image
    quality: float = DEFAULT_QUALITY
    denoise: float | None = _OFF  # sigma; None estimates it
    rival: str = ""  # one of RIVALS, or empty
    region: Region | None = None  # the sample; None for the whole photo

    def gives_same(self, other: LatentRequest | None) -> bool:
        """Whether another request has the same result."""
        names = ("quality", "denoise", "rival", "region")
        same_image = other is not None and self.image is other.image
        return same_image and all(getattr(self, name) == getattr(other, name) for name in names)

    @property
    def cleans(self) -> bool:
        return self.denoise != _OFF


@dataclass(frozen=True, slots=True, eq=False)
class LatentResult:
    """An encoded photo, or a sample of one."""

    request: LatentRequest
    data: bytes
    image: Image  # the photo with the decoded pixels
    bits_per_pixel: float
    psnr: float | None  # None after denoising, because the pixels are meant to differ
    noisy_bytes: int = 0  # size at the same quality without denoising; 0 if unknown
    rival: Sized | None = None
    rival_problem: str = ""

    @property
    def is_sample(self) -> bool:
        """Whether the figures are extrapolated from a sample."""
        return self.request.region is not None

    def of_whole(self, count: int) -> int:
        """Extrapolate a number of bytes to the whole photo."""
        region, image = self.request.region, self.request.image
        return count if region is None else round(count * image.width * image.height / region.pixels)


class LatentEncoder:
    """Encodes one photo after another and caches the analysis of the last one. One thread only."""

    def __init__(self, model: str = "auto") -> None:
        self._model = model
        self._encoders: dict[float | None, Encoder] = {}
        self._decoder: Decoder | None = None
        self._tried: tuple[Image, Region | None, Image] | None = None
        self._trials: dict[float | None, Callable[[float, CancelToken], Any]] = {}

    def encode(self, request: LatentRequest, cancel: CancelToken) -> LatentResult:
        """Encode, decode and measure; stops within a tile of *cancel*. Raises MissingModel without a codec."""
        from denoiser.metrics import psnr

        part = self._part(request)
        encoded = self._trial(request.denoise)(request.quality, cancel)
        image = self._decoded(encoded.data, cancel)
        noisy_bytes = 0
        if request.cleans and encoded.noise is not None:
            noisy_bytes = len(self._trial(_OFF)(request.quality, cancel).data)
        near = None if encoded.noise is not None else psnr(image.pixels, part.pixels, white=part.white)
        rival, problem = _rival(request, part, len(encoded.data), cancel)
        shown = _pasted(request, image)
        return LatentResult(request, encoded.data, shown, encoded.bits_per_pixel, near, noisy_bytes, rival, problem)

    def whole(self, request: LatentRequest, progress: Callable[[float], None], cancel: CancelToken) -> bytes:
        """Encode the whole photo; reports progress, and stops within a tile of *cancel*."""
        from denoiser.codec.encode import Encoder

        options = EncodeOptions(quality=request.quality, denoise=request.denoise, model=self._model)

        def listener(event: Event) -> None:
            if isinstance(event, TileDone):
                progress(event.done / event.total)

        return Encoder(options).encode(request.image, listener=listener, cancel=cancel).data

    def _part(self, request: LatentRequest) -> Image:
        """The pixels to encode; the same object for the same request, because analyses are cached for it."""
        if self._tried is None or self._tried[0] is not request.image or self._tried[1] != request.region:
            self._tried, self._trials = (request.image, request.region, _cut(request.image, request.region)), {}
        return self._tried[2]

    def _trial(self, denoise: float | None) -> Callable[[float, CancelToken], Any]:
        from denoiser.codec.encode import Encoder

        assert self._tried is not None  # set by _part
        if denoise not in self._encoders:
            self._encoders = {level: self._encoders[level] for level in self._encoders if level == _OFF}
            self._encoders[denoise] = Encoder(EncodeOptions(denoise=denoise, model=self._model))
        if denoise not in self._trials:
            self._trials = {level: self._trials[level] for level in self._trials if level == _OFF}
            self._trials[denoise] = self._encoders[denoise].trial(self._tried[2])
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
    """Whether a path has the suffix of latent files."""
    return path.suffix.lower() == SUFFIX


def read_latent(path: Path, model: str = "auto") -> Image:
    """Decode a latent file; raises DamagedLatent, UnknownWeights or another UnreadableImage."""
    from denoiser.codec import container
    from denoiser.codec.decode import Decoder
    from denoiser.options import DecodeOptions, ReadOptions

    status = path.stat() if path.exists() else None
    times = (status.st_atime_ns, status.st_mtime_ns) if status else None
    file = container.read(path, ReadOptions())
    return Decoder(DecodeOptions(model=model)).decode(file, str(path), times_ns=times).image


def check_codec(model: str = "auto") -> None:
    """Raise MissingModel if encoding is impossible here."""
    from denoiser.codec import model as codec_model

    codec_model.find(model)


def sample_of(seen: Region, height: int, width: int) -> Region | None:
    """The sample of a photo of that size around the visible region; None for the whole photo."""
    if height * width <= WHOLE_UP_TO:
        return None
    rows, columns = min(_SAMPLE_SIDE, height), min(_SAMPLE_SIDE, width)
    top = _on_unit(seen.top + (seen.height - rows) // 2, height - rows)
    left = _on_unit(seen.left + (seen.width - columns) // 2, width - columns)
    return Region(top, left, rows, columns)


def _on_unit(wanted: int, most: int) -> int:
    return min(max(wanted, 0), most) // _UNIT * _UNIT


def _cut(image: Image, region: Region | None) -> Image:
    """A part without metadata, whose size would distort the figures."""
    if region is None:
        return image
    pixels = image.pixels[region.slices]
    return dataclasses.replace(image, pixels=pixels, alpha=None, metadata=Metadata(), profile=None)


def _pasted(request: LatentRequest, part: Image) -> Image:
    """The photo with *part* in place of the sample."""
    region = request.region
    if region is None:
        return part
    pixels = request.image.pixels.copy()
    pixels[region.slices] = part.pixels
    return request.image.with_pixels(pixels)


def _rival(request: LatentRequest, part: Image, most_bytes: int, cancel: CancelToken) -> tuple[Sized | None, str]:
    if not request.rival:
        return None, ""
    from denoiser.errors import UnwritableImage
    from denoiser.imageio.rivals import sized

    cancel.raise_if_cancelled()
    try:
        found = sized(part, request.rival, most_bytes, cancel)
        return dataclasses.replace(found, image=_pasted(request, found.image)), ""
    except UnwritableImage as error:
        return None, error.message
