"""Strength, colour noise, detail and grain: mixes source and clean image without another inference, in strips.

With r = source - clean, its luma y (the mean of the channels), and the settings strength a, colour noise k,
detail d and grain g:

    result = source - a (k (r - y) + y (1 - d m) - g n)

m, from 0 to 1 for each pixel, is 1 where structure was removed; n is neutral grain like the removed noise. Strength
interpolates linearly between source (a = 0) and look (a = 1); a mask multiplies it in each pixel. See
docs/controls.md.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.grain import LEVELS, Grain, grain_of
from denoiser.engine.trust import BLOCK, NoiseBlocks, Plane, evidence, finite, luma, sample
from denoiser.image import Image, Mask, Pixels
from denoiser.options import Look
from denoiser.tiling import Region

_THREADS = min(4, os.cpu_count() or 1)  # more are not faster: memory bandwidth is the limit
_FULL = 65535  # of a mask
_VALUES_AT_ONCE = 100_000  # per strip, so that its copies fit the cache
# Log-odds of structure: below the first a block is flat (1 % of flat noise exceeds it), above the second textured.
_FLAT, _TEXTURE = 0.5, 2.0


class Looks:
    """Renders looks of a denoised image. Detail and grain are measured on first use. Thread-safe.

    A region equals that region of the whole image, bit for bit.
    """

    def __init__(self, source: Image, clean: Pixels, original: Image | None = None) -> None:
        """*clean* is the fully denoised image, in the depth of *source*; neither is changed.

        *original* is the source before dead and hot pixels were replaced, which stay where a mask is black.
        """
        self.source, self.clean, self.original = source, clean, original or source

    def render(
        self, look: Look, region: Region | None = None, *, mask: Mask | None = None, out: Pixels | None = None
    ) -> Pixels:
        """The pixels of *region*, or of the whole image, in the depth of the source; possibly a read-only view.

        *mask* is that of the region. The pixels are written to *out* if given, which may be the clean pixels of
        that region.
        """
        image = self.source
        part = region or Region(0, 0, image.height, image.width)
        self._measure(look)
        source, clean = (pixels[part.slices] for pixels in (image.pixels, self.clean))
        is_full = look.is_plain and look.strength == 1 and mask is None
        simple = source if look.strength == 0 else clean if is_full else None
        if simple is not None and out is None:
            view = simple.view()
            view.flags.writeable = False
            return view
        result: Pixels = np.empty_like(clean) if out is None else out
        if simple is not None:
            np.copyto(result, simple)
            return result
        count = max(1, _VALUES_AT_ONCE // (3 * part.width))
        strips = [slice(top, min(top + count, part.height)) for top in range(0, part.height, count)]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="denoise-looks") as threads:
            list(threads.map(lambda rows: self._render_strip(look, part, rows, mask, result[rows]), strips))
        return result

    @cached_property
    def texture(self) -> Plane:
        """The texture map, for blocks of 16 pixels: 1 where structure was removed, 0 where only noise was."""
        found = evidence(self.source.pixels, self.clean, self._blocks, self.source.white)
        share = np.clip((found - _FLAT) / (_TEXTURE - _FLAT), 0, 1)
        smooth: Plane = share * share * (3 - 2 * share)
        return smooth

    @cached_property
    def grain(self) -> Grain:
        """Grain like the removed noise."""
        return grain_of(self._blocks, self.source.white)

    @cached_property
    def _blocks(self) -> NoiseBlocks:
        return sample(self.source.pixels, self.clean)

    @cached_property
    def _texture_across(self) -> Plane:
        """The texture map, interpolated along rows to pixels."""
        return _between(self.texture, self.source.width, axis=1)

    def _measure(self, look: Look) -> None:
        """Measure once, before threads start."""
        if look.detail:
            _ = self._texture_across
        if look.grain:
            _ = self.grain

    def _render_strip(self, look: Look, part: Region, rows: slice, mask: Mask | None, out: Pixels) -> None:
        strip = Region(part.top + rows.start, part.left, rows.stop - rows.start, part.width)
        source, clean = self.source.pixels[strip.slices], self.clean[strip.slices]
        local = None if mask is None else mask[rows]
        _mix(source, clean, look, local, self._neutral(look, strip), self.source.white, out)
        keep_unseen(out, source, None if self.source.alpha is None else self.source.alpha[strip.slices])
        if local is not None:
            keep_unseen(out, self.original.pixels[strip.slices], local)

    def _neutral(self, look: Look, part: Region) -> tuple[Plane | None, Plane | None]:
        """For a strip: the share of removed luma, if it varies, and the grain to add."""
        stays = None
        if look.detail:
            columns = slice(part.left, part.left + part.width)
            texture = _between(self._texture_across[:, columns], self.source.height, 0, part.top, part.height)
            stays = 1 - np.float32(look.detail) * texture
        grain = None
        if look.grain:
            grain = self.grain.strip(part.top, part.left, part.height, part.width)
            brightness = luma(finite(self.clean[part.slices]))
            brightness *= np.float32((LEVELS - 1) / self.source.white)
            np.clip(brightness, 0, LEVELS - 1, out=brightness)
            grain *= (self.grain.amounts * np.float32(look.grain)).take(brightness.astype(np.uint8))
        return stays, grain


def keep_unseen(result: Pixels, source: Pixels, alpha: Pixels | None) -> None:
    """Copy *source* to *result* under full transparency: colours there are invisible, and may be data.

    Does the same where a mask is black.
    """
    if alpha is not None:
        np.copyto(result, source, where=(alpha == 0)[:, :, np.newaxis])


def _mix(
    source: Pixels,
    clean: Pixels,
    look: Look,
    mask: Mask | None,
    neutral: tuple[Plane | None, Plane | None],
    white: float,
    out: Pixels,
) -> None:
    """The formula above for a strip, in the depth of *out*."""
    is_float = np.issubdtype(source.dtype, np.floating)
    mixed = source.astype(np.float32)
    kept = finite(source) if is_float else mixed
    removed = kept - finite(clean)
    strength: np.float32 | Plane = np.float32(look.strength)
    colour = np.float32(look.colour_noise)
    if mask is not None:
        strength = strength * (mask.astype(np.float32) / np.float32(_FULL))
    if not look.is_plain:
        stays, grain = neutral
        offset = luma(removed) * ((1 if stays is None else stays) - colour)
        if grain is not None:
            offset -= grain
        offset *= strength
        for channel in range(mixed.shape[2]):  # three times faster than one call for all channels
            mixed[:, :, channel] -= offset
    removed *= np.expand_dims(strength * colour, -1)
    mixed -= removed
    if mask is not None and look.is_plain and look.strength == 1:  # rounding of floats must not change these
        np.copyto(mixed, clean, where=(mask == _FULL)[:, :, np.newaxis])
    if is_float:
        # NaN and infinity are kept.
        np.copyto(out, np.where(np.isfinite(source), mixed, source))
        return
    np.rint(mixed, out=mixed)
    np.clip(mixed, 0, white, out=mixed)
    np.copyto(out, mixed, casting="unsafe")


def _between(values: Plane, length: int, axis: int, start: int = 0, count: int | None = None) -> Plane:
    """Interpolate *values* of blocks linearly to *count* pixels from *start* along *axis*."""
    pixels = np.arange(start, start + (length if count is None else count), dtype=np.float32)
    place = np.clip((pixels - (BLOCK - 1) / 2) / BLOCK, 0, values.shape[axis] - 1)
    low = place.astype(np.intp)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    share = (place - low).reshape((-1, 1) if axis == 0 else (1, -1))
    below = values.take(low, axis=axis)
    line: NDArray[np.float32] = below + share * (values.take(high, axis=axis) - below)
    return line
