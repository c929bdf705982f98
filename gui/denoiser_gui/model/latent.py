"""Latent file preview: size and appearance at a quality, compared with other formats.

Runs in a worker thread. A photo is analysed once; each quality then repeats only entropy coding and synthesis. Of a
large photo one visible megapixel is encoded and the figures are extrapolated. Saving encodes the whole photo.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from denoiser.events import CancelToken, Event, TileDone
from denoiser.image import Image, Metadata
from denoiser.options import EncodeOptions
from denoiser.tiling import Region

if TYPE_CHECKING:
    from denoiser.codec.decode import Decoder
    from denoiser.codec.encode import Encoded, Encoder
    from denoiser.imageio.rivals import Sized

SUFFIX = ".dlf"
RIVALS = ("JPEG", "AVIF")
DEFAULT_QUALITY = 60.0
WHOLE_UP_TO = 1_500_000  # pixels; photos up to this size are encoded whole, in a second or two the first time
_SAMPLE_SIDE = 1024  # pixels; side of the sample of a larger photo
_UNIT = 64  # pixels; a sample aligned to tiles is coded as in the whole photo
_OFF = 0.0  # of EncodeOptions.denoise
_MOST_ENCODERS = 3
_COST_OF_A_STEP = 1.7  # of a gradient step, in encodings at effort 1: docs/codec.md
_SEARCHES = 3  # encodings of a search for MS-SSIM
_LIKE_A_DRAWING = 5  # a lossless file of a photo has more than a fifth of its bytes
_WORTH_TELLING = 0.95  # of the size of the latent file


@dataclass(frozen=True, slots=True, eq=False)
class LatentRequest:
    """What to encode: photo, quality, denoising, and the format to compare with."""

    image: Image
    quality: float = DEFAULT_QUALITY
    denoise: float | None = _OFF  # sigma; None estimates it
    rival: str = ""  # one of RIVALS, or empty
    region: Region | None = None  # the sample; None for the whole photo
    effort: int = 1
    min_ms_ssim: float = 0.0  # in place of a quality, if it is not 0

    def gives_same(self, other: LatentRequest | None) -> bool:
        """Whether another request has the same result."""
        names = ("quality", "denoise", "rival", "region", "effort", "min_ms_ssim")
        same_image = other is not None and self.image is other.image
        return same_image and all(getattr(self, name) == getattr(other, name) for name in names)

    @property
    def cleans(self) -> bool:
        return self.denoise != _OFF

    def options(self, model: str) -> EncodeOptions:
        """The same as options of `denoise encode`."""
        quality = None if self.min_ms_ssim else self.quality
        return EncodeOptions(
            quality=quality,
            min_msssim=self.min_ms_ssim,
            effort=self.effort,
            denoise=self.denoise,
            model=model,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LatentResult:
    """An encoded photo, or a sample of one."""

    request: LatentRequest
    data: bytes
    image: Image  # the photo with the decoded pixels
    picture_bytes: int  # of *data*
    metadata_bytes: int  # of the whole photo: metadata, profile, header
    quality: float | None  # None if it is lossless
    psnr: float | None  # infinite if lossless; None after denoising, because the pixels are meant to differ
    noisy_bytes: int = 0  # of the picture at the same quality without denoising; 0 if unknown
    rival: Sized | None = None
    rival_psnr: float | None = None
    rival_problem: str = ""
    seconds_per_megapixel: float = 0.0  # at effort 1, estimated
    ms_ssim: float | None = None  # of the latent file, once it is measured
    rival_ms_ssim: float | None = None
    smaller: tuple[str, int] | None = None  # another format with the same PSNR, and its size

    @property
    def bytes(self) -> int:
        """The size of the file of the whole photo."""
        return self.of_whole(self.picture_bytes) + self.metadata_bytes

    @property
    def rival_bytes(self) -> int:
        """The size of the other file, with the same metadata."""
        return 0 if self.rival is None else self.of_whole(self.rival.bytes) + self.metadata_bytes

    @property
    def bits_per_pixel(self) -> float:
        """Bits per pixel of the file of the whole photo."""
        return 8 * self.bytes / (self.request.image.megapixels * 1e6)

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
        self._encoders: OrderedDict[EncodeOptions, Encoder] = OrderedDict()
        self._decoder: Decoder | None = None
        self._tried: tuple[Image, Region | None, Image, int] | None = None
        self._trials: dict[EncodeOptions, Callable[[float, CancelToken], Encoded]] = {}
        self._timed: set[EncodeOptions] = set()  # options whose time is known for this part
        self._speed = 0.0

    def encode(self, request: LatentRequest, cancel: CancelToken) -> LatentResult:
        """Encode, decode and measure PSNR; stops within a tile of *cancel*. Raises MissingModel without a codec."""
        from denoiser.metrics import psnr

        part, metadata_bytes = self._part(request)
        encoded = self._encoded(request, cancel)
        if request.region is None:
            metadata_bytes = len(encoded.data) - encoded.picture_bytes
        image = self._decoded(encoded.data, cancel)
        noisy_bytes = 0
        if request.cleans and encoded.noise is not None:
            noisy_bytes = self._encoded(dataclasses.replace(request, denoise=_OFF), cancel).picture_bytes
        near = None if encoded.noise is not None else psnr(image.pixels, part.pixels, white=part.white)
        rival, problem = _rival(request, part, encoded.picture_bytes, cancel)
        rival_psnr = None if rival is None else psnr(rival.image.pixels, part.pixels, white=part.white)
        return LatentResult(
            request,
            encoded.data,
            _pasted(request, image),
            encoded.picture_bytes,
            metadata_bytes,
            encoded.quality,
            near,
            noisy_bytes,
            None if rival is None else dataclasses.replace(rival, image=_pasted(request, rival.image)),
            rival_psnr,
            problem,
            self._speed,
        )

    def measured(self, result: LatentResult, cancel: CancelToken) -> LatentResult:
        """Return a result with MS-SSIM, and with another format that is smaller at the same PSNR, if any."""
        part = self._part(result.request)[0]
        similar = None if result.psnr is None else _ms_ssim(result.image, result, part, cancel)
        other = None if result.rival is None else _ms_ssim(result.rival.image, result, part, cancel)
        return dataclasses.replace(
            result, ms_ssim=similar, rival_ms_ssim=other, smaller=_smaller(result, part, cancel)
        )

    def whole(self, request: LatentRequest, progress: Callable[[float], None], cancel: CancelToken) -> bytes:
        """Encode the whole photo; reports progress, and stops within a tile of *cancel*."""

        def listener(event: Event) -> None:
            if isinstance(event, TileDone):
                progress(event.done / event.total)

        return self._encoder(request).encode(request.image, listener=listener, cancel=cancel).data

    def _part(self, request: LatentRequest) -> tuple[Image, int]:
        """The pixels to encode, the same object for the same request, and the bytes of the photo's metadata."""
        if self._tried is None or self._tried[0] is not request.image or self._tried[1] != request.region:
            metadata_bytes = _metadata_bytes(request.image)
            self._tried = request.image, request.region, _cut(request.image, request.region), metadata_bytes
            self._trials, self._timed = {}, set()
        return self._tried[2], self._tried[3]

    def _encoded(self, request: LatentRequest, cancel: CancelToken) -> Encoded:
        part = self._part(request)[0]
        if request.min_ms_ssim:
            return self._encoder(request).encode(part, cancel=cancel)
        options = dataclasses.replace(request, quality=DEFAULT_QUALITY).options(self._model)
        encoder, began = self._encoder(request), time.perf_counter()
        if options not in self._trials:
            kept = {each: self._trials[each] for each in self._trials if each.denoise == _OFF}
            self._trials = kept | {options: encoder.trial(part)}
        encoded = self._trials[options](request.quality, cancel)
        if options not in self._timed:  # later encodings take the analysis of the first
            self._timed.add(options)
            self._speed = (time.perf_counter() - began) / part.megapixels / _cost(request.effort)
        return encoded

    def _encoder(self, request: LatentRequest) -> Encoder:
        from denoiser.codec.encode import Encoder

        options = dataclasses.replace(request, quality=DEFAULT_QUALITY).options(self._model)
        if request.min_ms_ssim == 0:
            options = dataclasses.replace(options, quality=request.quality)
        if options not in self._encoders:
            self._encoders[options] = Encoder(options)
            while len(self._encoders) > _MOST_ENCODERS:
                self._encoders.popitem(last=False)
        return self._encoders[options]

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


def _metadata_bytes(image: Image) -> int:
    """The bytes of a latent file of *image* without its picture."""
    from denoiser.codec.encode import Encoder

    small = dataclasses.replace(image, pixels=image.pixels[:1, :1], alpha=None)
    if small.bits == 32:
        small = dataclasses.replace(small, pixels=np.zeros((1, 1, image.channels), np.uint8), bits=8)
    encoded = Encoder(EncodeOptions(lossless=True)).encode(small)
    return len(encoded.data) - encoded.picture_bytes


def _cost(effort: int) -> float:
    """How many times as long as effort 1 an effort takes."""
    from denoiser.codec.search import EFFORTS

    return 1 + _COST_OF_A_STEP * EFFORTS[effort - 1].steps


def seconds_for(result: LatentResult, request: LatentRequest) -> float:
    """The estimated time to encode the whole photo of *request*, from that of a result; 0 if unknown."""
    searches = _SEARCHES if request.min_ms_ssim else 1
    return result.seconds_per_megapixel * request.image.megapixels * _cost(request.effort) * searches


def _ms_ssim(shown: Image, result: LatentResult, part: Image, cancel: CancelToken) -> float | None:
    """MS-SSIM of the encoded part of an image; None if it is too small."""
    from denoiser.metrics import MS_SSIM_SMALLEST, ms_ssim

    cancel.raise_if_cancelled()
    if min(part.width, part.height) < MS_SSIM_SMALLEST:
        return None
    region = result.request.region
    pixels = shown.pixels if region is None else shown.pixels[region.slices]
    return ms_ssim(pixels, part.pixels, white=part.white)


def _smaller(result: LatentResult, part: Image, cancel: CancelToken) -> tuple[str, int] | None:
    """Another format with at least the same PSNR and a smaller file, for images that are like drawings."""
    from denoiser.codec import exact
    from denoiser.codec.frame import may_be_exact_within
    from denoiser.imageio.rivals import pixels_of, smallest
    from denoiser.metrics import psnr

    wanted = result.psnr
    few = part.pixels.nbytes // _LIKE_A_DRAWING
    if wanted is None or part.bits != 8 or part.alpha is not None or not may_be_exact_within(part, few):
        return None
    found = {"WebP": len(exact.encode(part).data)}
    if found["WebP"] > few:
        return None
    cancel.raise_if_cancelled()
    if math.isfinite(wanted):
        colours = pixels_of(part)
        avif = smallest(part, "AVIF", lambda shown: psnr(shown, colours, white=255) >= wanted, cancel)
        found |= {"AVIF": avif} if avif is not None else {}
    name = min(found, key=lambda name: found[name])
    size = result.of_whole(found[name]) + result.metadata_bytes
    return (name, size) if size < _WORTH_TELLING * result.bytes else None


def _rival(request: LatentRequest, part: Image, most_bytes: int, cancel: CancelToken) -> tuple[Sized | None, str]:
    if not request.rival:
        return None, ""
    from denoiser.errors import UnwritableImage
    from denoiser.imageio.rivals import sized

    cancel.raise_if_cancelled()
    try:
        return sized(part, request.rival, most_bytes, cancel), ""
    except UnwritableImage as error:
        return None, error.message
