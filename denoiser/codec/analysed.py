"""The analysed tiles of an image, coded at any quality step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from denoiser.codec import grain, mosaic
from denoiser.codec.container import TileGrid, TileStream
from denoiser.codec.container.layout import CHUNK_BYTES
from denoiser.codec.mosaic import Latents, Mosaic, in_latents, padded, window_of
from denoiser.engine.trust import NoiseBlocks, sample
from denoiser.errors import FaultyResult
from denoiser.events import CancelToken, ignore
from denoiser.image import Image
from denoiser.metrics import ms_ssim
from denoiser.tiling import Region

if TYPE_CHECKING:
    from denoiser.codec.context import Coded, Coder
    from denoiser.codec.refine import Refiner
    from denoiser.codec.transform import Transform

_MOST_LOOKED_AT = 4  # tiles to measure the removed noise; a few megapixels are enough
NOISE_CHUNK_BYTES = CHUNK_BYTES + grain.BYTES
_UNCHECKED = 3  # gradient steps up to which a comparison with the plain tile would cost more than they do
_RIM = 32  # pixels at the edges of large tiles that are not measured


@dataclass(frozen=True, slots=True, eq=False)
class Refinement:
    """How many gradient steps refine the latents of each tile, and what is called after each."""

    refiner: Refiner
    steps: int
    step_done: Callable[[], None]


@dataclass(slots=True, eq=False)
class Analysed:
    """Tiles of *image*. Not thread-safe.

    *keeps* stores their latents for several quality steps. *source* is the noisy image if *image* was denoised.
    With a *refinement*, tiles are refined; those of the last quality step are kept.
    """

    image: Image
    transform: Transform
    coder: Coder
    cancel: CancelToken
    keeps: bool = False
    source: Image | None = None
    refinement: Refinement | None = None
    grid: TileGrid = field(init=False)
    _kept: dict[int, Latents] = field(default_factory=dict)
    _refined: tuple[int, dict[int, Coded]] = (-1, {})  # a quality step, and its refined tiles

    def __post_init__(self) -> None:
        self.grid = TileGrid.planned(self.image.width, self.image.height)

    def tile(self, number: int, step: int, *, verify: bool = False) -> TileStream:
        """Encode one tile; with *verify*, raises FaultyResult if it does not decode to its symbols."""
        coded = self._coded(number, step)
        tile = TileStream(coded.stream, coded.checksum)
        if verify:
            z, symbols = self.coder.symbols(tile, coded.symbols.shape[1:], step)
            if not (np.array_equal(z, coded.z) and np.array_equal(symbols, coded.symbols)):
                raise FaultyResult(
                    f"verification failed: tile {number + 1} does not decode to its input",
                    hint="This is a bug; please report it with the image.",
                )
        return tile

    def psnr(self, step: int) -> float:
        """PSNR of the decoded image in dB; infinite if it is identical."""
        error, image = 0.0, self.image
        whole = Region(0, 0, image.height, image.width)
        for box, tile in self._mosaic(step).tiles(whole, ignore, self.cancel):
            given = mosaic.given(tile, image.channels, image.bits)
            error += float(np.square(given.astype(np.float64) - image.pixels[box.slices]).sum())
        mean = error / image.pixels.size
        return float(10 * np.log10(image.white**2 / mean)) if mean else float("inf")

    def ms_ssim(self, step: int) -> float:
        """MS-SSIM of the decoded image in dB: -10 log10(1 - value); infinite if it is identical."""
        image = self.image
        decoded = np.empty_like(image.pixels)
        whole = Region(0, 0, image.height, image.width)
        for box, tile in self._mosaic(step).tiles(whole, ignore, self.cancel):
            decoded[box.slices] = mosaic.given(tile, image.channels, image.bits)
        return decibels(ms_ssim(decoded, image.pixels, white=image.white))

    def noise_taken(self, step: int) -> NoiseBlocks:
        """The noise removed from a few tiles spread over the image, relative to white."""
        count = min(len(self.grid), _MOST_LOOKED_AT)
        numbers = sorted({(2 * place + 1) * len(self.grid) // (2 * count) for place in range(count)})
        parts = [self._sampled(number, step) for number in numbers]
        removed, clean = (np.concatenate([getattr(part, name) for part in parts]) for name in ("removed", "clean"))
        return NoiseBlocks(removed, clean, parts[0].seed)

    def _sampled(self, number: int, step: int) -> NoiseBlocks:
        box = self.grid.box(number)
        clean = self._mosaic(step).tile(number, self.cancel)
        noisy = mosaic.taken(self.source or self.image, box)
        rim = _RIM if min(box.height, box.width) > 8 * _RIM else 0
        inner = slice(rim, box.height - rim), slice(rim, box.width - rim)
        return sample(noisy[inner], np.clip(clean[inner], 0, 1))

    def _mosaic(self, step: int) -> Mosaic:
        return Mosaic(self.grid, lambda number: self._coded(number, step).latents, self.transform, step)

    def _coded(self, number: int, step: int) -> Coded:
        if self.refinement is not None:
            return self._refined_tile(number, step, self.refinement)
        y = self.latents(number)
        self.cancel.raise_if_cancelled()
        return self.coder.encode(y, step)

    def _refined_tile(self, number: int, step: int, refinement: Refinement) -> Coded:
        if self._refined[0] != step:
            self._refined = step, {}
        known = self._refined[1]
        if number not in known:
            known[number] = self._better(number, step, refinement)
        return known[number]

    def _better(self, number: int, step: int, refinement: Refinement) -> Coded:
        """The refined tile, or the plain one if refinement did not help."""
        from denoiser.codec.refine import Window  # torch

        outer = window_of(self.grid, number, max(self.transform.analysis_halo, self.transform.synthesis_halo))
        pixels = mosaic.taken(self.image, outer.outer)
        place = in_latents(padded(outer.inner))
        y = self.transform.analyse(pixels)
        window = Window(self.coder.scaled(y, step)[0], pixels, place)
        v, z = self.coder.scaled(np.ascontiguousarray(y[:, *place.slices]), step)
        refiner = refinement.refiner
        better = refiner.refined(
            window, z, step, refinement.steps, step_done=refinement.step_done, cancel=self.cancel
        )
        tiles = [self.coder.encode_scaled(better, z, step, thrift=0)]
        if refinement.steps > _UNCHECKED:
            tiles.append(self.coder.encode_scaled(v, z, step))
        return (
            tiles[0]
            if len(tiles) == 1
            else min(tiles, key=lambda tile: refiner.cost(window, tile.latents, 8 * len(tile.stream), step))
        )

    def latents(self, number: int) -> Latents:
        """The latents of one tile before quantisation."""
        kept = self._kept.get(number)
        if kept is not None:
            return kept
        self.cancel.raise_if_cancelled()
        window = window_of(self.grid, number, self.transform.analysis_halo)
        y = self.transform.analyse(mosaic.taken(self.image, window.outer))
        inner = in_latents(padded(window.inner))
        latents = np.ascontiguousarray(y[:, *inner.slices])
        if self.keeps:
            self._kept[number] = latents
        return latents


def decibels(similarity: float) -> float:
    """MS-SSIM on a scale where it rises nearly linearly with the quality."""
    return -10 * math.log10(1 - similarity) if similarity < 1 else math.inf


def model_of_noise(analysed: Analysed, step: int, noise: grain.Noise) -> bytes | None:
    """The model of the removed *noise* to store in the file."""
    model = grain.measured(analysed.noise_taken(step), noise)
    return None if model is None else model.packed()
