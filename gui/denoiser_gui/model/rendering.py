"""Converts denoised pixels to frames for the screen. Render thread only; never runs the model."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from denoiser.image import Pixels
from denoiser.imageio.screen import ScreenColours, resized
from denoiser.options import DenoiseOptions
from denoiser_gui.model.cleaning import Cleaning
from denoiser_gui.model.picture import Picture, cut, picture_of
from denoiser_gui.model.requests import Frame, Overview, PreviewRequest, ReplacementImage, Screen, State, View
from denoiser_gui.model.viewport import Area

if TYPE_CHECKING:
    from denoiser.engine.looks import Look
    from denoiser.tiling import Region

_GAIN = 4  # amplification of the difference
_GREY = 128
_AMBER = np.array([65, 164, 217], np.float32)  # blue, green, red of the accent colour
_TINT = 0.8  # at most, so that the photo stays visible
_CHECK = 8  # pixels of a checkerboard square
_CHECKS = (96, 128)
_BINS = 64
_KEPT = 2  # views whose resized pixels are cached, for changes of strength


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Source and denoised pixels of a view at display size."""

    source: Pixels
    clean: Pixels
    state: State


class Renderer:
    """Renders frames. Not thread-safe."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[tuple[object, ...], _Pair] = OrderedDict()
        self._colours: OrderedDict[tuple[object, ...], ScreenColours] = OrderedDict()
        self._shown: OrderedDict[int, tuple[ReplacementImage, Picture]] = OrderedDict()
        self._left: tuple[Pixels, bytes | None, Screen] | None = None

    def frame(self, request: PreviewRequest, cleaning: Cleaning | None) -> Frame:
        """Render the requested view from the available pixels."""
        picture, viewport = request.picture, request.viewport
        level = picture.clamped(viewport.level)
        small = viewport.wanted.shrunk(level)
        area = small.grown(level, picture.image.height, picture.image.width)
        size = _size(area, viewport.scale) if viewport.scale < 1 else None
        source, result, state = self._finished(request, cleaning, level, small, size)
        left, right = source, result
        if request.left is not None:
            left = self._of_shown(request.left, level, small, size)
        if request.right is not None:
            right, state = self._of_shown(request.right, level, small, size), State.EXACT
        screens = self._screens(request, cleaning, area, left, right)
        return Frame(request, state, area, *self._over_checks(request, level, small, *screens), left, right)

    def overview(self, request: PreviewRequest, cleaning: Cleaning | None) -> Overview:
        """Render the whole photo at small size, with histograms before and after."""
        picture = request.picture
        level = picture.overview_level
        small = picture.area_at(level)
        source, result, _ = self._finished(request, cleaning, level, small, None)
        before, after = self._to_screen(request, source), self._to_screen(request, result)
        screens = self._screens(request, cleaning, picture.whole, source, result)
        return Overview(request, *screens, _histogram(before), _histogram(after))

    def _finished(
        self,
        request: PreviewRequest,
        cleaning: Cleaning | None,
        level: int,
        small: Area,
        size: tuple[int, int] | None,
    ) -> tuple[Pixels, Pixels, State]:
        """Source and finished pixels of part of a copy, resized to *size* if given, and their state."""
        picture, options = request.picture, request.options
        pair = self._pair(picture, cleaning, level, small, size)
        if options.strength == 0:
            return pair.source, pair.source, State.EXACT
        if cleaning is None or pair.state is State.WAITING:
            return pair.source, pair.clean, State.WAITING
        look = look_of(options)
        if pair.state is State.EXACT and level == 0 and size is None:
            if look.detail == look.grain == 0 or cleaning.is_measured(look):
                return pair.source, cleaning.looks.render(look, _region(small)), State.EXACT
        elif (settled := cleaning.settled(look, level)) is not None:
            part = cut(settled, small)
            return pair.source, part if size is None else resized(part, *size), State.EXACT
        mixed = _mixed(picture, pair, look)
        is_straight = look.detail == look.grain == 0  # for other looks, mixing and reducing do not commute
        return pair.source, mixed, pair.state if is_straight else State.DRAFT

    def _pair(
        self, picture: Picture, cleaning: Cleaning | None, level: int, small: Area, size: tuple[int, int] | None
    ) -> _Pair:
        key = (picture, cleaning, cleaning.version if cleaning else 0, level, small, size)
        if key in self._pairs:
            self._pairs.move_to_end(key)
            return self._pairs[key]
        source = cut(picture.levels[level], small)
        clean, state = (source, State.WAITING) if cleaning is None else cleaning.pixels(level, small)
        if size is not None:
            clean = resized(clean, *size) if clean is not source else clean
            source = resized(source, *size)
            clean = source if clean.shape != source.shape else clean
        self._pairs[key] = pair = _Pair(source, clean, state)
        while len(self._pairs) > _KEPT:
            self._pairs.popitem(last=False)
        return pair

    def _of_shown(self, shown: ReplacementImage, level: int, small: Area, size: tuple[int, int] | None) -> Pixels:
        if id(shown) not in self._shown:
            self._shown[id(shown)] = (shown, picture_of(0, shown.image))
            while len(self._shown) > _KEPT:
                self._shown.popitem(last=False)
        part = cut(self._shown[id(shown)][1].levels[level], small)
        return part if size is None else resized(part, *size)

    def _screens(
        self, request: PreviewRequest, cleaning: Cleaning | None, area: Area, left: Pixels, right: Pixels
    ) -> tuple[Screen, Screen]:
        before = self._packed_left(request, left)
        if request.view is View.DIFFERENCE:
            return before, _difference(left, right, request.picture.image.white)
        after = _packed(self._to_screen(request, right))
        if request.view is View.TRUST and cleaning is not None:
            after = _tinted(after, _trusted(cleaning, area, left, right))
        return before, after

    def _packed_left(self, request: PreviewRequest, left: Pixels) -> Screen:
        """The packed original, cached: it changes only with the view."""
        if self._left is None or self._left[0] is not left or self._left[1] != request.screen:
            self._left = (left, request.screen, _packed(self._to_screen(request, left)))
        return self._left[2]

    def _to_screen(self, request: PreviewRequest, pixels: Pixels) -> NDArray[np.uint8]:
        image = request.picture.image
        key = (id(request.picture), request.screen)
        if key not in self._colours:
            self._colours[key] = ScreenColours(image.profile, image.channels, request.screen)
            while len(self._colours) > _KEPT:
                self._colours.popitem(last=False)
        return self._colours[key].convert(pixels, image.white)

    def _over_checks(
        self, request: PreviewRequest, level: int, small: Area, left: Screen, right: Screen
    ) -> tuple[Screen, Screen]:
        """Transparent photos over a checkerboard."""
        if not request.picture.alphas:
            return left, right
        alpha = resized(cut(request.picture.alphas[level], small), *left.shape[:2])
        share = (alpha / np.float32(request.picture.image.white)).astype(np.float32)
        return _over(left, share), _over(right, share)


def look_of(options: DenoiseOptions) -> Look:
    """The look that *options* ask for."""
    from denoiser.engine import looks

    return looks.look_of(options)


def _mixed(picture: Picture, pair: _Pair, look: Look) -> Pixels:
    """Render a look from the visible part alone; its statistics are approximate."""
    from denoiser.engine.looks import Looks

    image = dataclasses.replace(picture.image, pixels=pair.source, alpha=None)
    return Looks(image, pair.clean).render(look)


def _trusted(cleaning: Cleaning, area: Area, left: Pixels, right: Pixels) -> NDArray[np.float32]:
    """Trust per pixel of a view: from the whole photo if known, otherwise from the view."""
    from denoiser.engine.trust import trust
    from denoiser.image import from_numpy

    height, width = left.shape[:2]
    if cleaning.trust is None:
        if left is right:
            return np.ones((height, width), np.float32)
        source = from_numpy(left, bits=cleaning.picture.image.bits)
        blocks = trust(source, np.ascontiguousarray(right)).map
        return np.asarray(resized(blocks[:, :, np.newaxis], height, width)[:, :, 0], np.float32)
    blocks = cleaning.trust.map
    down, across = cleaning.picture.image.height / blocks.shape[0], cleaning.picture.image.width / blocks.shape[1]
    rows = np.clip((area.top + (np.arange(height) + 0.5) * area.height / height) / down - 0.5, 0, None)
    columns = np.clip((area.left + (np.arange(width) + 0.5) * area.width / width) / across - 0.5, 0, None)
    return _between(_between(blocks, rows, 0), columns, 1)


def _between(values: NDArray[np.float32], places: NDArray[np.float64], axis: int) -> NDArray[np.float32]:
    """Linear interpolation along an axis."""
    last = values.shape[axis] - 1
    low = np.minimum(places.astype(np.intp), last)
    share = (places - low).clip(0, 1).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    below, above = values.take(low, axis=axis), values.take(np.minimum(low + 1, last), axis=axis)
    return np.asarray(below + share * (above - below), np.float32)


def _size(area: Area, scale: float) -> tuple[int, int]:
    return max(1, round(area.height * scale)), max(1, round(area.width * scale))


def _packed(rgb: NDArray[np.uint8]) -> Screen:
    packed = np.empty((*rgb.shape[:2], 4), np.uint8)
    for place in range(3):  # three times faster than reversing the channels at once
        packed[:, :, place] = rgb[:, :, 2 - place]
    packed[:, :, 3] = 255
    return packed


def _difference(source: Pixels, result: Pixels, white: float) -> Screen:
    """The difference, amplified, around mid-grey."""
    removed = np.nan_to_num(source.astype(np.float32) - result.astype(np.float32))
    removed *= np.float32(_GAIN * 255 / white)
    removed += _GREY
    shown = np.clip(np.rint(removed), 0, 255).astype(np.uint8)
    return _packed(np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown)


def _tinted(screen: Screen, trusted: NDArray[np.float32]) -> Screen:
    """Tint areas of low trust in amber."""
    amount = np.expand_dims(np.float32(_TINT) * (1 - trusted), 2)
    colours = screen[:, :, :3]
    colours[:] = np.rint(colours + amount * (_AMBER - colours))
    return screen


def _over(screen: Screen, share: NDArray[np.float32]) -> Screen:
    height, width = screen.shape[:2]
    squares = np.add.outer(np.arange(height) // _CHECK, np.arange(width) // _CHECK) % 2
    checks = np.array(_CHECKS, np.float32)[squares][:, :, np.newaxis]
    over = screen.copy()
    over[:, :, :3] = np.rint(checks + share * (screen[:, :, :3] - checks))
    return over


def _histogram(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    counts = [np.bincount(rgb[:, :, channel].ravel() // (256 // _BINS), minlength=_BINS) for channel in range(3)]
    shares = np.stack(counts) / max(1, rgb.shape[0] * rgb.shape[1])
    return np.asarray(shares, np.float32)


def _region(area: Area) -> Region:
    from denoiser.tiling import Region

    return Region(area.top, area.left, area.height, area.width)
