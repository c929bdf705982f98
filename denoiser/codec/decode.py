"""Decodes a latent file to an image or a region of it; incomplete files are errors.

    container ─► symbols of a tile, verified by checksum ─► latents ─┐
                                   latents of its neighbours ────┴─► synthesis ─► pixels of the tile

Memory: the image, the latents of three rows of tiles, and one tile in the network.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from denoiser.codec import exact, grain, mosaic
from denoiser.codec.container import LatentFile
from denoiser.codec.grain import unpacked
from denoiser.codec.mosaic import Latents, Mosaic, in_latents, padded
from denoiser.errors import UnknownWeights, UnreadableImage
from denoiser.events import CancelToken, Listener, ignore
from denoiser.image import Image, Origin, Pixels
from denoiser.imageio import depth
from denoiser.imageio.reader import named, read_bytes
from denoiser.options import DecodeOptions, reduction_of, region_of
from denoiser.options.latents import THUMBNAIL
from denoiser.tiling import Region

if TYPE_CHECKING:
    from denoiser.codec.context import Coder
    from denoiser.codec.transform import Transform

    _Codec = tuple[Transform, Coder, str]  # and its name


class Verifier:
    """Verifies one file after another; loads the integer part of the weights when a file needs it, and keeps it."""

    def __init__(self, weights: str = "auto") -> None:
        self._weights = weights
        self._coders: dict[str, Coder] = {}

    def verify(self, file: LatentFile, name: str, cancel: CancelToken | None = None) -> None:
        """Raise DamagedLatent if *file* is corrupt, UnknownWeights if its weights are not installed.

        The container was checked when it was read; this decodes symbols, exact pixels, alpha and the noise model.
        """
        with named(name):
            for _ in outside_parts(file):
                pass
            if file.noise is not None:
                unpacked(file.noise)
            if file.grid is not None:
                coder = self._coder(file.weights, name)
                for box, tile in zip(map(padded, file.grid.boxes()), file.tiles, strict=True):
                    if cancel is not None:
                        cancel.raise_if_cancelled()
                    place = in_latents(box)
                    coder.symbols(tile, (place.height, place.width), file.step)

    def _coder(self, weights: str, name: str) -> Coder:
        if weights not in self._coders:
            from denoiser.codec import model
            from denoiser.codec.context import Coder

            with needed_by(name):
                entry = model.find_by_digest(weights, self._weights)
            self._coders[weights] = Coder(model.load_exact(entry))
        return self._coders[weights]


_NOTHING = "no grain is added: the file has no noise model"


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded image and how it was made."""

    image: Image
    seconds: float
    model: str = ""  # empty for lossless files
    device: str = ""
    precision: str = ""
    notes: tuple[str, ...] = ()


class Decoder:
    """Decodes files; loads weights when a file needs them, and keeps them. Not thread-safe."""

    model_name, model_digest, device, precision = "", "", "", ""  # each file has its own

    def __init__(self, options: DecodeOptions = DecodeOptions()) -> None:
        self._options = options
        self._loaded: dict[str, _Codec] = {}

    def decode(
        self,
        file: LatentFile,
        name: str,
        *,
        times_ns: tuple[int, int] | None = None,
        listener: Listener = ignore,
        cancel: CancelToken | None = None,
    ) -> Decoded:
        """The decoded image, or the requested region; *name* is for messages.

        Raises DamagedLatent if the symbols do not match their checksum, UnknownWeights if the weights are not
        installed. Stops within a tile of *cancel*. A region equals that region of the whole image.
        """
        began = time.perf_counter()
        with named(name):
            part = self._part(file)
            model_name = device = precision = ""
            thumbnail = file.thumbnail if self._options.scale == THUMBNAIL else None
            if thumbnail is not None:
                image = self._small(thumbnail, name)
            elif file.exact is not None:
                image = self._exact(file, part)
            else:
                codec = self._codec(file.weights, name)
                model_name, device, precision = codec[2], codec[0].device, codec[0].precision
                image = self._synthesised(file, part, codec, listener, cancel or CancelToken())
            image, notes = self._with_grain(file, image, part)
        source = file.source
        origin = Origin(
            format=source.format if source else "png",
            mode=source.mode if source else "rgb",
            jpeg=file.jpeg,
            lossless=file.is_exact and (source is None or source.lossless),
            times_ns=times_ns,
            size=(file.width, file.height),
            notes=notes,
        )
        image = replace(image, profile=file.profile, cicp=file.cicp, metadata=file.metadata, origin=origin)
        return Decoded(image, time.perf_counter() - began, model_name, device, precision, notes)

    def _part(self, file: LatentFile) -> Region:
        asked = region_of(self._options)
        if asked is None:
            return Region(0, 0, file.height, file.width)
        left, top, width, height = asked
        if left + width > file.width or top + height > file.height:
            raise UnreadableImage(
                f"the region {self._options.region} reaches beyond its {file.width} x {file.height} pixels",
                hint="--region is x,y,width,height in pixels of the image.",
            )
        return Region(top, left, height, width)

    def _small(self, jpeg: bytes, name: str) -> Image:
        image = read_bytes(jpeg, f"{name} (thumbnail)")
        bits = self._options.depth or image.bits
        return Image(depth.at_depth(image, bits)[0], bits=bits)

    def _exact(self, file: LatentFile, part: Region) -> Image:
        image = next(outside_parts(file))
        pixels, alpha = image.pixels[part.slices], None if image.alpha is None else image.alpha[part.slices]
        image = Image(pixels, alpha=alpha, bits=image.bits)
        bits = self._options.depth or file.bits
        pixels, alpha = depth.at_depth(image, bits)
        return self._reduced(Image(pixels, alpha=alpha, bits=bits))

    def _synthesised(
        self, file: LatentFile, part: Region, codec: _Codec, listener: Listener, cancel: CancelToken
    ) -> Image:
        transform, coder, _ = codec
        bits = self._options.depth or file.bits
        dtype = np.float32 if bits == 32 else np.uint8 if bits <= 8 else np.uint16
        assert file.grid is not None
        grid = file.grid
        # Tiles begin at multiples of 64 pixels, so those of a whole image can be reduced one by one.
        by_tiles = not (part.top or part.left)
        factor = reduction_of(self._options) if by_tiles else 1
        height, width = -(-part.height // factor), -(-part.width // factor)
        pixels: Pixels = np.empty((height, width, file.channels), dtype)

        def known(number: int) -> Latents:
            place = in_latents(padded(grid.box(number)))
            z, symbols = coder.symbols(file.tiles[number], (place.height, place.width), file.step)
            latents: Latents = coder.latents(z, symbols, file.step)
            return latents

        for box, tile in Mosaic(grid, known, transform, file.step).tiles(part, listener, cancel):
            place = box.within(part)
            values = mosaic.given(mosaic.reduced(tile, factor) if factor > 1 else tile, file.channels, bits)
            top, left = place.top // factor, place.left // factor
            pixels[top : top + values.shape[0], left : left + values.shape[1]] = values
        alpha = _alpha(file, part, bits)
        if factor > 1 and alpha is not None:
            alpha = _as_small(alpha, factor)
        image = Image(pixels, alpha=alpha, bits=bits)
        return image if by_tiles else self._reduced(image)

    def _reduced(self, image: Image) -> Image:
        """The image at the requested scale."""
        factor = reduction_of(self._options)
        if factor == 1:
            return image
        alpha = None if image.alpha is None else _as_small(image.alpha, factor)
        return Image(_as_small(image.pixels, factor), alpha=alpha, bits=image.bits)

    def _with_grain(self, file: LatentFile, image: Image, part: Region) -> tuple[Image, tuple[str, ...]]:
        share = self._options.grain
        if not share:
            return image, ()
        if file.noise is None:
            return image, (_NOTHING,)
        pixels = image.pixels.copy()
        added = grain.unpacked(file.noise).grain(image.white)
        grain.add(pixels, added, share, image.white, top=part.top, left=part.left)
        return image.with_pixels(pixels), ()

    def _codec(self, weights: str, name: str) -> _Codec:
        if weights not in self._loaded:
            from denoiser.codec import model  # importing torch takes seconds; lossless images do not need it
            from denoiser.codec.context import Coder
            from denoiser.codec.transform import Transform

            with needed_by(name):
                entry = model.find_by_digest(weights, self._options.model)
            loaded = model.load(entry)
            transform = Transform(loaded, self._options.device, self._options.precision)
            self._loaded[weights] = (transform, Coder(loaded), entry.name)
        return self._loaded[weights]


def _as_small(pixels: Pixels, factor: int) -> Pixels:
    means = mosaic.reduced(pixels, factor)
    return means if pixels.dtype == np.float32 else np.rint(means).astype(pixels.dtype)


@contextmanager
def needed_by(name: str) -> Iterator[None]:
    """Prefix errors about missing weights with the file name."""
    try:
        yield
    except UnknownWeights as error:
        raise UnknownWeights(f"{name} {error.message}.", hint=error.hint) from error


def outside_parts(file: LatentFile) -> Iterator[Image]:
    """Decode the parts of a file that are stored as WebP or PNG: the lossless image and the alpha plane."""
    if file.exact is not None:
        yield exact.decode(
            file.exact, file.width, file.height, channels=file.channels, bits=file.bits, has_alpha=file.has_alpha
        )
    whole = Region(0, 0, file.height, file.width)
    plane = _alpha(file, whole, min(file.bits, 16))
    if plane is not None:
        yield Image(plane[:, :, np.newaxis], bits=min(file.bits, 16))


def _alpha(file: LatentFile, part: Region, bits: int) -> Pixels | None:
    if file.alpha is None:
        return None
    stored = 16 if file.bits == 32 else file.bits  # alpha of float images is stored in 16 bits
    plane: Pixels = exact.decode_plane(file.alpha, file.width, file.height, bits=stored)[part.slices]
    return depth.rescale(plane, float((1 << stored) - 1), bits)
