"""Encodes images as latent files, at a quality or by a search for a target; lossless if that is smaller.

image ─► denoising (optional) ─► analysis of tiles ─► quality step for the target ─► symbols ─► file
        └► lossless pixels, if requested or smaller
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from denoiser.codec import container, exact
from denoiser.codec.analysed import NOISE_CHUNK_BYTES, Analysed, Refinement, decibels, model_of_noise
from denoiser.codec.container import Exact, LatentFile, TileStream
from denoiser.codec.entropy.tables import LEVELS
from denoiser.codec.frame import exact_file, frame_of, may_be_exact_within
from denoiser.codec.search import EFFORTS, Effort, best_within, first_reaching, refined_within
from denoiser.errors import FaultyResult, UnwritableImage
from denoiser.events import CancelToken, Listener, TileDone, ignore
from denoiser.image import Image
from denoiser.imageio import depth
from denoiser.metrics import MS_SSIM_SMALLEST
from denoiser.options import DenoiseOptions, EncodeOptions

if TYPE_CHECKING:
    from denoiser.codec.context import Coder
    from denoiser.codec.grain import Noise
    from denoiser.codec.refine import Refiner
    from denoiser.codec.transform import Transform
    from denoiser.engine.session import Session


BEST = LEVELS - 1
DEFAULT_QUALITY = 60.0
_WHOLE = 100.0


def step_of(quality: float | None) -> int:
    """The quality step, 0 to 63, of a quality from 0 to 100."""
    return round((DEFAULT_QUALITY if quality is None else quality) * BEST / _WHOLE)


def quality_of(step: int) -> float:
    """The quality, 0 to 100, of a step."""
    return round(step * _WHOLE / BEST, 1)


_DIGEST_DIGITS = 16  # of the weights, in each file
_ALPHA_OF_FLOAT = 16  # bits
_TRIALS = 3  # usual number of refined encodings of a search, for the progress


Trial = Callable[[float, CancelToken], "Encoded"]  # quality; stops within a tile of the token


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """The bytes of a latent file and how they were made."""

    data: bytes
    megapixels: float
    picture_bytes: int  # the rest is metadata, profile, thumbnail and noise model
    seconds: float = 0.0
    quality: float | None = None  # None if lossless
    noise: Noise | None = None  # if noise was removed
    noisy_bytes: int = 0  # size of the noisy image at the same quality
    times_ns: tuple[int, int] | None = None  # of the source
    notes: tuple[str, ...] = ()

    @property
    def bits_per_pixel(self) -> float:
        """Bits per pixel of the whole file."""
        return len(self.data) * 8 / (self.megapixels * 1e6)


class Encoder:
    """Encodes images. Not thread-safe; weights are loaded once, and not at all for lossless encoding."""

    def __init__(self, options: EncodeOptions = EncodeOptions()) -> None:
        self._options = options
        self._network: tuple[Transform, Coder, Refiner] | None = None
        self._session: Session | None = None
        self.model_name, self.model_digest, self.device, self.precision = "exact", "", "", ""
        if not options.lossless:
            from denoiser.codec import model  # importing torch takes seconds; lossless images do not need it
            from denoiser.codec.context import Coder
            from denoiser.codec.refine import Refiner
            from denoiser.codec.transform import Transform

            loaded = model.load(model.find(options.model))
            transform = Transform(loaded, options.device, options.precision)
            self._network = transform, Coder(loaded), Refiner(loaded, transform)
            self.model_name, self.model_digest = loaded.name, loaded.digest
            self.device, self.precision = transform.device, transform.precision

    def encode(self, image: Image, *, listener: Listener = ignore, cancel: CancelToken | None = None) -> Encoded:
        """Encode *image*. Stops within a tile of *cancel*; raises UnwritableImage if the target is out of reach."""
        began = time.perf_counter()
        if self._network is None:
            made = _kept_exact(image, self._options)
        else:
            made = self._call(image, self._network, listener, cancel).carry_out()
        return dataclasses.replace(
            made,
            seconds=time.perf_counter() - began,
            times_ns=image.origin.times_ns if image.origin else None,
            notes=(*image.notes, *made.notes),
        )

    def trial(self, image: Image) -> Trial:
        """A function that encodes *image* at any quality; the image is analysed once. Not for lossless options."""
        assert self._network is not None, "lossless encoding has no quality"
        call = self._call(image, self._network, ignore, None)
        call.begin(keeps=True)
        return call.at

    def _call(
        self,
        image: Image,
        network: tuple[Transform, Coder, Refiner],
        listener: Listener,
        cancel: CancelToken | None,
    ) -> _Call:
        weights = self.model_digest[:_DIGEST_DIGITS]
        return _Call(image, self._options, *network, weights, self._denoiser, listener, cancel or CancelToken())

    def _denoiser(self) -> Session:
        """The model, loaded at first use."""
        if self._session is None:
            from denoiser.engine.session import Session

            options = DenoiseOptions(
                noise_level=self._options.denoise, device=self._options.device, precision=self._options.precision
            )
            self._session = Session(options)
        return self._session


def _kept_exact(image: Image, options: EncodeOptions, *notes: str) -> Encoded:
    file = exact_file(image, options)
    if options.verify:
        assert file.exact is not None
        _verify_exact(file.exact, image)
    return Encoded(container.write(file), image.megapixels, container.picture_bytes(file), notes=notes)


def _verify_exact(kept: Exact, image: Image) -> None:
    has_alpha = image.alpha is not None
    again = exact.decode(
        kept, image.width, image.height, channels=image.channels, bits=image.bits, has_alpha=has_alpha
    )
    same = np.array_equal(again.pixels, image.pixels)
    if not same or (has_alpha and not np.array_equal(again.alpha, image.alpha)):  # type: ignore[arg-type]
        raise FaultyResult(
            "verification failed: the lossless pixels do not decode to their input",
            hint="This is a bug, please report it.",
        )


@dataclass(slots=True, eq=False)
class _Call:
    """Encodes one image."""

    image: Image
    options: EncodeOptions
    transform: Transform
    coder: Coder
    refiner: Refiner
    weights: str
    denoiser: Callable[[], Session]
    listener: Listener
    cancel: CancelToken
    noise: Noise | None = field(init=False)
    analysed: Analysed = field(init=False)
    frame: dict[str, Any] = field(init=False)
    done: int = 0

    @property
    def effort(self) -> Effort:
        return EFFORTS[self.options.effort - 1]

    def begin(self, *, keeps: bool) -> None:
        """Looks at the image as a whole; *keeps* its latents, to be coded more than once."""
        image, options = self.image, self.options
        clean, self.noise = image, None
        if options.denoise != 0:
            from denoiser.codec.grain import without_noise  # torch

            clean, self.noise = without_noise(image, self.denoiser(), options.denoise, self.cancel)
            if self.noise is None:
                image = self.image = clean
        keeps = keeps or self.noise is not None
        steps = self.effort.steps
        refinement = Refinement(self.refiner, steps, self._report) if steps else None
        self.analysed = Analysed(clean, self.transform, self.coder, self.cancel, keeps, image, refinement)
        self.frame = frame_of(image, options) | {"weights": self.weights, "grid": self.analysed.grid}
        self.frame |= {"alpha": _alpha(image), "cleaned": self.noise is not None}

    def at(self, quality: float, cancel: CancelToken) -> Encoded:
        """Encode at that quality, without a search."""
        self.cancel = self.analysed.cancel = cancel
        step = self._step_at(quality)
        file = self._file(step)
        if self.noise is not None:
            file = dataclasses.replace(file, noise=model_of_noise(self.analysed, step, self.noise))
            return self._encoded(file, noise=self.noise)
        return self._smaller(file, 0)

    def carry_out(self) -> Encoded:
        options, searches = self.options, self._searches
        self.begin(keeps=searches)
        if searches:
            for number in range(len(self.analysed.grid)):
                self.analysed.latents(number)
                self._report()
        step = self._step()
        if step is None:
            return self._exact_alone()
        file = self._file(step, verify=options.verify, reports=not searches)
        if self.noise is not None:
            return self._cleaned(file, step, self.noise)
        return self._smaller(file, self._limit())

    def _smaller(self, file: LatentFile, limit: int) -> Encoded:
        """The file, or a lossless one if that is smaller, or within a limit."""
        data = container.write(file)
        most = limit or len(data) - 1
        if may_be_exact_within(self.image, most):
            kept = _kept_exact(self.image, self.options)
            if len(kept.data) <= most:
                return kept
        return self._encoded(file, data)

    def _step(self) -> int | None:
        """The quality step for the target; None if no step reaches it."""
        limit, options = self._limit(), self.options
        if options.min_psnr:
            return first_reaching(options.min_psnr, self.analysed.psnr)
        if options.min_msssim:
            if min(self.image.width, self.image.height) < MS_SSIM_SMALLEST:
                raise UnwritableImage(
                    f"is too small for --min-msssim: its sides are less than {MS_SSIM_SMALLEST} pixels",
                    hint="Use --min-psnr.",
                )
            return first_reaching(decibels(options.min_msssim), self.analysed.ms_ssim, guess=LEVELS // 2)
        if not limit:
            return self._step_at(self.options.quality)
        if self.analysed.refinement is not None:
            step = refined_within(limit, self._plain_size, self._size, self.effort.worth)
            if step is not None:
                return step
            self.analysed.refinement = None  # the lowest step is smallest without it
        return best_within(limit, self._size)

    @property
    def _searches(self) -> bool:
        options = self.options
        return bool(options.bpp or options.target_size or options.min_psnr or options.min_msssim)

    def _step_at(self, quality: float | None) -> int:
        """The step of a quality: the same PSNR at every effort."""
        return max(0, step_of(quality) - self.effort.worth)

    def _limit(self) -> int:
        """Maximum size in bytes; 0 for no limit."""
        return self.options.target_size or int(self.options.bpp * self.image.megapixels * 1e6 / 8)

    def _exact_alone(self) -> Encoded:
        """Lossless encoding if no step reaches the target; raises UnwritableImage if that does not either."""
        limit, options = self._limit(), self.options
        if options.min_psnr or options.min_msssim:
            wanted = f"{options.min_psnr:g} dB" if options.min_psnr else f"an MS-SSIM of {options.min_msssim:g}"
            if self.image.bits < 32:
                return _kept_exact(self.image, options, f"no quality reaches {wanted}: stored losslessly")
            raise UnwritableImage(f"cannot be encoded: no quality reaches {wanted}.")
        least = self._size(0)
        if self.noise is None and may_be_exact_within(self.image, limit):
            kept = _kept_exact(self.image, self.options)
            if len(kept.data) <= limit:
                return kept
            least = min(least, len(kept.data))
        raise UnwritableImage(
            f"cannot be encoded in {limit:,} bytes: it takes at least {least:,}.",
            hint="Raise the limit, or omit the metadata with --strip.",
        )

    def _cleaned(self, file: LatentFile, step: int, noise: Noise) -> Encoded:
        """The file with a noise model; also measures the size with the noise."""
        cleaned = dataclasses.replace(file, noise=model_of_noise(self.analysed, step, noise))
        noisy = Analysed(self.image, self.transform, self.coder, self.cancel)
        noisy_file = dataclasses.replace(file, tiles=self._tiles(noisy, step, reports=True), cleaned=False)
        noisy_bytes = len(container.write(noisy_file))
        return self._encoded(cleaned, noise=noise, noisy_bytes=noisy_bytes)

    def _encoded(self, file: LatentFile, data: bytes = b"", **facts: Any) -> Encoded:
        size, quality = container.picture_bytes(file), quality_of(file.step)
        return Encoded(data or container.write(file), self.image.megapixels, size, quality=quality, **facts)

    def _file(self, step: int, *, verify: bool = False, reports: bool = False) -> LatentFile:
        tiles = self._tiles(self.analysed, step, verify=verify, reports=reports)
        return LatentFile(**self.frame, step=step, tiles=tiles)

    def _tiles(
        self, analysed: Analysed, step: int, *, verify: bool = False, reports: bool
    ) -> tuple[TileStream, ...]:
        tiles = []
        for number in range(len(analysed.grid)):
            tiles.append(analysed.tile(number, step, verify=verify))
            if reports:
                self._report()
        return tuple(tiles)

    def _size(self, step: int) -> int:
        return len(container.write(self._file(step))) + (NOISE_CHUNK_BYTES if self.noise else 0)

    def _plain_size(self, step: int) -> int:
        """The size without refinement."""
        refinement, self.analysed.refinement = self.analysed.refinement, None
        size = self._size(step)
        self.analysed.refinement = refinement
        return size

    def _report(self) -> None:
        trials = _TRIALS if self._searches else 1
        total = len(self.analysed.grid) * ((1 if self.noise is None else 2) + trials * self.effort.steps)
        self.done = min(self.done + 1, total)
        self.listener(TileDone(self.done, total, self.image.megapixels))


def _alpha(image: Image) -> Exact | None:
    if image.alpha is None:
        return None
    bits = _ALPHA_OF_FLOAT if image.bits == 32 else image.bits
    return exact.encode_plane(depth.rescale(image.alpha, image.white, bits))
