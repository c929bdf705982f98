"""Converts denoised pixels to frames for the screen. Render thread only; never runs the model."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from denoiser.image import Mask as MaskPixels
from denoiser.image import Pixels
from denoiser.imageio.screen import ScreenColours, resized
from denoiser.tiling import Region
from denoiser_gui.model.mask import MaskDrawer, between
from denoiser_gui.model.partial_result import PartialResult
from denoiser_gui.model.pyramid import ImagePyramid, make_pyramid
from denoiser_gui.model.requests import (
    TRUST_COLOURS,
    Overview,
    PreviewFrame,
    PreviewRequest,
    ReplacementImage,
    Screen,
    State,
    View,
)

if TYPE_CHECKING:
    from denoiser.options import Look

_GREY = 128
_TINT = 0.8  # at most, so that the photo stays visible
_CHECK = 8  # pixels of a checkerboard square
_CHECKS = (96, 128)
_BINS = 64
_KEPT = 3  # views whose resized pixels are cached, for changes of strength

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Source and denoised pixels of a view at display size."""

    source: Pixels
    clean: Pixels
    state: State


class Renderer:
    """Renders frames. Not thread-safe."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[Hashable, _Pair] = OrderedDict()
        self._colours: OrderedDict[Hashable, ScreenColours] = OrderedDict()
        self._replacements: OrderedDict[Hashable, tuple[ReplacementImage, ImagePyramid]] = OrderedDict()
        self._left: tuple[Pixels, bytes | None, Screen] | None = None
        self._drawer = MaskDrawer()

    def frame(
        self, request: PreviewRequest, result: PartialResult | None, of_snapshot: PartialResult | None = None
    ) -> PreviewFrame:
        """Render the requested view from the available pixels; *of_snapshot* has those of its snapshot."""
        pyramid, viewport = request.pyramid, request.viewport
        level = pyramid.clamped(viewport.level)
        small = viewport.visible_with_margin.shrunk(level)
        region = small.grown(level, pyramid.image.height, pyramid.image.width)
        scale = viewport.scale
        size = (max(1, round(region.height * scale)), max(1, round(region.width * scale))) if scale < 1 else None
        left, right, state = self._before_and_after(request, result, level, small, size)
        source, left_state, snapshot = left, None, request.of_snapshot
        if snapshot is not None:
            _, left, left_state = self._before_and_after(snapshot, of_snapshot, level, small, size)
        if request.left is not None:
            left = self._replacement(request.left, level, small, size)
        if request.right is not None:
            right, state = self._replacement(request.right, level, small, size), State.EXACT
        trusted = _trusted(result, region, source, right) if request.view is View.TRUST and result else None
        screens = _over_checks(request, level, small, *self._screens(request, left, right, trusted))
        return PreviewFrame(request, state, region, *screens, left, right, left_state, trusted)

    def overview(
        self, request: PreviewRequest, result: PartialResult | None, of_snapshot: PartialResult | None = None
    ) -> Overview:
        """Render the whole photo at small size, with histograms before and after."""
        pyramid, snapshot = request.pyramid, request.of_snapshot
        level = pyramid.overview_level
        whole = pyramid.region_at(level)
        left, right, _ = self._before_and_after(request, result, level, whole, None)
        trusted = _trusted(result, pyramid.whole, left, right) if request.view is View.TRUST and result else None
        before, after = (_histogram(self._to_screen(request, pixels)) for pixels in (left, right))
        clipped = [_clipped(pixels, pyramid.image.white) for pixels in (left, right)]
        if snapshot is not None:
            left = self._before_and_after(snapshot, of_snapshot, level, whole, None)[1]
        screens = self._screens(request, left, right, trusted)
        return Overview(request, *screens, before, after, *clipped)

    def _before_and_after(
        self,
        request: PreviewRequest,
        result: PartialResult | None,
        level: int,
        small: Region,
        size: tuple[int, int] | None,
    ) -> tuple[Pixels, Pixels, State]:
        """Source and finished pixels of part of a copy, resized to *size* if given, and their state."""
        key = (request.pyramid, result, result.version if result else 0, level, small, size)
        pair = _cached(self._pairs, key, lambda: _pair(request.pyramid, result, level, small, size))
        if request.options.strength == 0:
            return pair.source, pair.source, State.EXACT
        if result is None or pair.state is State.WAITING:
            return pair.source, pair.clean, State.WAITING
        look, mask = request.options.look, request.mask
        # Otherwise mixing and reducing do not commute.
        is_straight = look.detail == look.grain == 0 and mask is None
        if pair.state is State.EXACT and level == 0 and size is None:
            if look.detail == look.grain == 0 or result.is_measured(look):
                local = self._mask(request, level, small, None)
                return pair.source, result.looks.render(look, small, mask=local), State.EXACT
        elif (rendered := result.rendered(look, mask, level)) is not None:
            return pair.source, _resized(rendered[small.slices], size), State.EXACT
        mixed = _mixed(request.pyramid, pair, look, self._mask(request, level, small, size))
        return pair.source, mixed, pair.state if is_straight else State.DRAFT

    def _mask(
        self, request: PreviewRequest, level: int, small: Region, size: tuple[int, int] | None
    ) -> MaskPixels | None:
        """The mask of a view, drawn at its size."""
        if request.mask is None:
            return None
        height, width = request.pyramid.levels[level].shape[:2]
        pixels = self._drawer.pixels(request.mask, (height, width), small)
        return pixels if size is None else resized(pixels[:, :, np.newaxis], *size)[:, :, 0]

    def _replacement(
        self, shown: ReplacementImage, level: int, small: Region, size: tuple[int, int] | None
    ) -> Pixels:
        pyramid = _cached(self._replacements, id(shown), lambda: (shown, make_pyramid(0, shown.image)))[1]
        return _resized(pyramid.levels[level][small.slices], size)

    def _screens(
        self, request: PreviewRequest, left: Pixels, right: Pixels, trusted: NDArray[np.float32] | None
    ) -> tuple[Screen, Screen]:
        profile = request.display_profile
        # The left image changes with the view only.
        if self._left is None or self._left[0] is not left or self._left[1] != profile:
            self._left = (left, profile, _packed(self._to_screen(request, left)))
        before = self._left[2]
        if request.view is View.DIFFERENCE:
            return before, _difference(left, right, request.pyramid.image.white, request.gain)
        after = _packed(self._to_screen(request, right))
        if trusted is not None:
            after = _tinted(after, trusted, TRUST_COLOURS[request.trust_colour])
        return before, after

    def _to_screen(self, request: PreviewRequest, pixels: Pixels) -> NDArray[np.uint8]:
        image, profile = request.pyramid.image, request.display_profile
        key = (id(request.pyramid), profile)
        colours = _cached(self._colours, key, lambda: ScreenColours(image.profile, image.channels, profile))
        return colours.convert(pixels, image.white)


def _cached(cache: OrderedDict[Hashable, Value], key: Hashable, make: Callable[[], Value]) -> Value:
    """The value of *key*, made if it is missing; the cache keeps the most recently used ones."""
    if key not in cache:
        cache[key] = make()
    cache.move_to_end(key)
    while len(cache) > _KEPT:
        cache.popitem(last=False)
    return cache[key]


def _resized(pixels: Pixels, size: tuple[int, int] | None) -> Pixels:
    return pixels if size is None else resized(pixels, *size)


def _pair(
    pyramid: ImagePyramid, result: PartialResult | None, level: int, small: Region, size: tuple[int, int] | None
) -> _Pair:
    source = _resized(pyramid.levels[level][small.slices], size)
    if result is None:
        return _Pair(source, source, State.WAITING)
    clean, state = result.pixels(level, small)
    return _Pair(source, _resized(clean, size), state)


def _mixed(pyramid: ImagePyramid, pair: _Pair, look: Look, mask: MaskPixels | None) -> Pixels:
    """Render a look from the visible part alone; its statistics are approximate."""
    from denoiser.engine.looks import Looks

    image = dataclasses.replace(pyramid.image, pixels=pair.source, alpha=None)
    return Looks(image, pair.clean).render(look, mask=mask)


def _trusted(result: PartialResult, region: Region, left: Pixels, right: Pixels) -> NDArray[np.float32]:
    """Trust per pixel of a view: from the whole photo if known, otherwise from the view."""
    from denoiser.engine.trust import trust
    from denoiser.image import from_numpy

    height, width = left.shape[:2]
    image = result.pyramid.image
    if result.trust is None:
        if left is right:
            return np.ones((height, width), np.float32)
        blocks = trust(from_numpy(left, bits=image.bits), np.ascontiguousarray(right)).map
        return np.asarray(resized(blocks[:, :, np.newaxis], height, width)[:, :, 0], np.float32)
    blocks = result.trust.map
    down, across = image.height / blocks.shape[0], image.width / blocks.shape[1]
    rows = (region.top + (np.arange(height) + 0.5) * region.height / height) / down - 0.5
    columns = (region.left + (np.arange(width) + 0.5) * region.width / width) / across - 0.5
    return between(between(blocks, rows, 0), columns, 1)


def _packed(rgb: NDArray[np.uint8]) -> Screen:
    packed = np.empty((*rgb.shape[:2], 4), np.uint8)
    for channel in range(3):  # three times faster than reversing the channels at once
        packed[:, :, channel] = rgb[:, :, 2 - channel]
    packed[:, :, 3] = 255
    return packed


def _difference(source: Pixels, result: Pixels, white: float, gain: int) -> Screen:
    """The difference, amplified, around mid-grey."""
    removed = np.nan_to_num(source.astype(np.float32) - result.astype(np.float32))
    removed *= np.float32(gain * 255 / white)
    removed += _GREY
    shown = np.clip(np.rint(removed), 0, 255).astype(np.uint8)
    return _packed(np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown)


def _tinted(screen: Screen, trusted: NDArray[np.float32], rgb: tuple[int, int, int]) -> Screen:
    """Tint areas of low trust."""
    amount = np.expand_dims(np.float32(_TINT) * (1 - trusted), 2)
    colours = screen[:, :, :3]
    colours[:] = np.rint(colours + amount * (np.array(rgb[::-1], np.float32) - colours))
    return screen


def _over_checks(
    request: PreviewRequest, level: int, small: Region, left: Screen, right: Screen
) -> tuple[Screen, Screen]:
    """Transparent photos over a checkerboard."""
    if not request.pyramid.alphas:
        return left, right
    height, width = left.shape[:2]
    alpha = resized(request.pyramid.alphas[level][small.slices], height, width)
    share = (alpha / np.float32(request.pyramid.image.white)).astype(np.float32)
    squares = np.add.outer(np.arange(height) // _CHECK, np.arange(width) // _CHECK) % 2
    checks = np.array(_CHECKS, np.float32)[squares][:, :, np.newaxis]
    covered = left.copy(), right.copy()
    for screen in covered:
        screen[:, :, :3] = np.rint(checks + share * (screen[:, :, :3] - checks))
    return covered


def _clipped(pixels: Pixels, white: float) -> tuple[float, float]:
    """The shares of pixels with a channel at black, and at white."""
    return float((pixels <= 0).any(axis=2).mean()), float((pixels >= white).any(axis=2).mean())


def _histogram(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    counts = [np.bincount(rgb[:, :, channel].ravel() // (256 // _BINS), minlength=_BINS) for channel in range(3)]
    shares = np.stack(counts) / max(1, rgb.shape[0] * rgb.shape[1])
    return np.asarray(shares, np.float32)
