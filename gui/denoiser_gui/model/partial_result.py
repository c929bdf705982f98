"""One photo with one set of inference options: a draft of the view, then exact tiles.

Written by the engine thread, read by the render thread; `version` increases with every change.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from denoiser.events import CancelToken
from denoiser.image import Pixels
from denoiser.imageio.screen import halved, resized
from denoiser.tiling import Region
from denoiser_gui.model.mask import Mask, MaskDrawer
from denoiser_gui.model.pyramid import ImagePyramid
from denoiser_gui.model.requests import FinishedPhoto, State

if TYPE_CHECKING:
    from denoiser.engine.gradual import Gradual
    from denoiser.engine.looks import Looks
    from denoiser.engine.session import Session
    from denoiser.engine.trust import Trust
    from denoiser.estimation.estimate import NoiseEstimate
    from denoiser.options import Look

_MOST_OF_A_DRAFT = 300_000  # pixels of a draft that the model processes: a tenth of a second
_WORTH_A_DRAFT = 2  # tiles: computing a single tile is as fast as its draft
_NOISIER = 1.8  # ratio of noise to that at half size: 2 for white noise, less for correlated noise
_CLEARLY_STRUCTURE = 2.5  # in noise sigmas: source detail above this is added to a draft
_MOST_RENDERED = 2  # copies of the photo: with the current look and mask, and with those of the snapshot
_ROWS_AT_ONCE = 256  # rows of a look that are rendered between two checks for a cancel


class NoiseByLevel:
    """Noise estimates of a photo and its reduced copies, each computed once. Engine thread only."""

    def __init__(self, pyramid: ImagePyramid) -> None:
        self._pyramid = pyramid
        self._known: dict[int, NoiseEstimate] = {}

    def at(self, level: int) -> NoiseEstimate:
        """The noise of a reduced copy. Halving removes less of correlated noise."""
        from denoiser.estimation.estimator import estimate_noise

        if level not in self._known:
            pyramid = self._pyramid
            image = pyramid.image if level == 0 else pyramid.part(level, pyramid.region_at(level))
            self._known[level] = estimate_noise(image)
        return self._known[level]

    def converted(self, noise_level: float, level: int) -> float:
        """Convert a noise level of the photo to one of a reduced copy."""
        least = 0.5**level
        whole = self.at(0).sigma
        return noise_level * (min(max(self.at(level).sigma / whole, least), 1.0) if whole > 1 else least)


class PartialResult:
    """The denoised pixels of a photo so far: exact tiles, and a draft of one region of a reduced copy."""

    def __init__(
        self, pyramid: ImagePyramid, session: Session, noise_level: float | None, noise: NoiseByLevel
    ) -> None:
        self.pyramid, self.session = pyramid, session
        self._noise_level, self._noise = noise_level, noise
        self._draft: tuple[int, Region, Pixels] | None = None  # level, region, pixels
        self._gradual: Gradual | None = None
        self._levels: tuple[Pixels, ...] = ()
        self._rendered: OrderedDict[tuple[Look, Mask | None], tuple[Pixels, ...]] = OrderedDict()
        self._drawer = MaskDrawer()
        self._measured: frozenset[str] = frozenset()
        self._is_repeating = False
        self.trust: Trust | None = None  # computed on request once the photo is complete
        self.version = 0  # increases with every visible change

    @property
    def bytes(self) -> int:
        """Memory use in bytes."""
        held = [*self._levels, *(pixels for levels in self._rendered.values() for pixels in levels)]
        held += [self._draft[2]] if self._draft else []
        return sum(pixels.nbytes for pixels in held)

    @property
    def is_complete(self) -> bool:
        return self._gradual is not None and self._gradual.is_complete

    @property
    def progress(self) -> float:
        """The share of tiles that are exact."""
        return self._gradual.progress if self._gradual else 0.0

    @property
    def kept_share(self) -> float | None:
        """The share of the photo that was kept as in the source, 0 to 1; None until the photo is complete."""
        if self._gradual is None or not self._gradual.is_complete:
            return None
        canvas = self._gradual.work.canvas
        return canvas.kept_share if canvas is not None else 0.0

    def is_exact(self, region: Region) -> bool:
        """Whether this part of the photo has its final pixels: tiles that pass the sanity check."""
        return self.has(region) and self.passes_check

    def has(self, region: Region) -> bool:
        """Whether all tiles in this part of the photo are there."""
        return self._gradual is not None and self._gradual.has(region)

    @property
    def passes_check(self) -> bool:
        """Whether the tiles so far pass the sanity check of the whole photo; otherwise they may be repeated."""
        from denoiser.engine.session import WRONG

        canvas = self._gradual.work.canvas if self._gradual is not None else None
        if canvas is None:
            return True
        return not self._is_repeating and canvas.kept_share <= WRONG * self.progress

    def check(self) -> None:
        """Repeat a complete result that fails the sanity check in fp32; raises FaultyResult if that fails, too."""
        before, self._is_repeating = self.session.precision, True
        try:
            self.session.check(self._planned().work)
        finally:
            self._is_repeating = False
        if self.session.precision != before:  # the pixels changed
            self._update_copies(self.pyramid.whole)
            self._rendered.clear()
            self._measured = frozenset()
            self.__dict__.pop("looks", None)
        self.version += 1

    def to_draft(self, level: int, region: Region) -> Region | None:
        """The region of a reduced copy that needs a draft; None if too few tiles are missing."""
        parts = self._missing(level, region)
        if len(parts) < _WORTH_A_DRAFT:
            return None
        top, left = min(part.top for part in parts), min(part.left for part in parts)
        height, width = max(part.bottom for part in parts) - top, max(part.right for part in parts) - left
        wanted = Region(top, left, height, width)
        is_there = self._draft is not None and self._draft[0] == level and self._draft[1].contains(wanted)
        return None if is_there else wanted

    def make_draft(self, level: int, region: Region, cancel: CancelToken) -> None:
        """Compute a draft of part of a copy from a smaller copy, in a quarter of the time or less."""
        below = 0
        while region.shrunk(below).pixels > _MOST_OF_A_DRAFT or below + level == 0:
            if level + below + 1 >= len(self.pyramid.levels):
                break
            below += 1
        small = region.shrunk(below)
        clean = self._clean_of_copy(level + below, small, cancel)
        if below:
            clean = self._with_structure(level, region, below, small, clean)
        self._draft = level, region, clean
        self.version += 1

    def clean_next(self, region: Region | None, cancel: CancelToken) -> Region | None:
        """Compute the missing tile nearest to the centre of *region*, or of the photo; None if none is missing."""
        gradual = self._planned()
        done = gradual.clean_next(region, cancel)
        if done is None:
            return None
        self._update_copies(done)
        if gradual.is_complete:
            self._draft = None
        self.version += 1
        return done

    def pixels(self, level: int, region: Region) -> tuple[Pixels, State]:
        """Denoised pixels of part of a copy and their state; missing parts show the source."""
        source = self.pyramid.levels[level]
        missing = self._missing(level, region)
        if not missing:
            return self._levels[level][region.slices], State.EXACT if self.passes_check else State.DRAFT
        mixed = (self._levels[level] if self._levels else source)[region.slices].copy()
        state = State.DRAFT
        for part in missing:
            mixed[part.within(region).slices] = source[part.slices]
            drafted = None
            if self._draft is not None and self._draft[0] == level:
                _, place, draft = self._draft
                drafted = place.overlap(part)
                if drafted is not None:
                    mixed[drafted.within(region).slices] = draft[drafted.within(place).slices]
            state = state if drafted == part else State.WAITING
        return mixed, state

    @cached_property
    def looks(self) -> Looks:
        """Renders looks of the whole photo; exact where its tiles are."""
        from denoiser.engine.looks import Looks

        return Looks(self._planned().image, self._planned().clean, self.pyramid.image)

    def is_measured(self, look: Look) -> bool:
        """Whether the whole-photo statistics that a look needs are known."""
        return _statistics_of(look) <= self._measured

    def measure(self, look: Look) -> None:
        """Compute the whole-photo statistics that a look needs; the photo must be complete."""
        if look.detail:
            _ = self.looks.texture
        if look.grain:
            _ = self.looks.grain
        self._measured |= _statistics_of(look)
        self.version += 1

    def measure_trust(self) -> None:
        """Compute the trust map; the photo must be complete."""
        from denoiser.engine.trust import trust

        self.trust = trust(self.pyramid.image, self._planned().clean)
        self.version += 1

    def rendered(self, look: Look, mask: Mask | None, level: int) -> Pixels | None:
        """A copy of the photo with this look and mask, if `render_whole` has rendered it."""
        levels = self._rendered.get((look, mask))
        return levels[level] if levels is not None else None

    def render_whole(self, look: Look, mask: Mask | None, cancel: CancelToken) -> None:
        """Render a look at full size and reduce it: the exact pixels of a zoomed-out view."""
        height, width = self.pyramid.image.height, self.pyramid.image.width
        finished: Pixels = np.empty_like(self.pyramid.image.pixels)
        for top in range(0, height, _ROWS_AT_ONCE):
            cancel.raise_if_cancelled()
            rows = Region(top, 0, min(_ROWS_AT_ONCE, height - top), width)
            local = None if mask is None else self._drawer.pixels(mask, (height, width), rows)
            self.looks.render(look, rows, mask=local, out=finished[rows.slices])
        levels = [finished]
        while len(levels) < len(self.pyramid.levels):
            cancel.raise_if_cancelled()
            levels.append(halved(levels[-1]))
        self._rendered[look, mask] = tuple(levels)
        while len(self._rendered) > _MOST_RENDERED:
            self._rendered.popitem(last=False)
        self.version += 1

    def finish(self, look: Look, mask: Mask | None = None) -> FinishedPhoto:
        """The finished photo, once it is complete; raises FaultyResult if most of it fails the sanity check."""
        if not self.passes_check:
            self.check()
        image = self.pyramid.image
        pixels = None if mask is None else self._drawer.pixels(mask, (image.height, image.width))
        cleaned = self.session.finish(self._planned().work, look, pixels)
        return FinishedPhoto.by(self.session, image, cleaned)

    def _missing(self, level: int, region: Region) -> list[Region]:
        """The parts of a region of a copy whose tiles are missing."""
        if self._gradual is None:
            return [region] * _WORTH_A_DRAFT  # not planned yet
        image = self.pyramid.image
        missing = self._gradual.missing_in(region.grown(level, image.height, image.width))
        parts = (part.shrunk(level).overlap(region) for part in missing)
        return [part for part in parts if part is not None]

    def _planned(self) -> Gradual:
        if self._gradual is None:
            gradual = self.session.gradual(self.pyramid.image, self._noise_level, self._noise.at(0))
            copies = [np.empty_like(level) for level in self.pyramid.levels[1:]]
            self._levels = (gradual.clean, *copies)
            if gradual.is_complete:  # nothing to denoise
                self._levels, self._draft = self.pyramid.levels, None
                self.version += 1
            self._gradual = gradual
        return self._gradual

    def _update_copies(self, region: Region) -> None:
        """Update part of the reduced copies."""
        for level in range(1, len(self._levels)):
            small = region.shrunk(level)
            parent = self._levels[level - 1]
            self._levels[level][small.slices] = halved(parent[small.grown(1, *parent.shape[:2]).slices])

    def _clean_of_copy(self, level: int, region: Region, cancel: CancelToken) -> Pixels:
        noise_level = None if self._noise_level is None else self._noise.converted(self._noise_level, level)
        gradual = self.session.gradual(self.pyramid.part(level, region), noise_level, self._noise.at(level))
        while gradual.clean_next(None, cancel):
            pass
        return gradual.clean

    def _with_structure(self, level: int, region: Region, below: int, small: Region, clean: Pixels) -> Pixels:
        """Upscale a denoised small copy and add source detail that is clearly above the noise."""
        above = self.pyramid.levels[level]
        covered = small.grown(below, *above.shape[:2])
        source = above[region.slices].astype(np.float32)
        place = region.within(covered).slices
        size = (covered.height, covered.width)
        coarse = resized(self.pyramid.levels[level + below][small.slices], *size)
        fine = source - coarse[place]
        noise = self._noise_at(level, below) * self.pyramid.image.white / 255
        kept = np.sign(fine) * np.maximum(np.abs(fine) - np.float32(_CLEARLY_STRUCTURE * noise), 0)
        kept += resized(clean, *size)[place]
        if np.issubdtype(above.dtype, np.integer):
            np.clip(np.rint(kept), 0, self.pyramid.image.white, out=kept)
        return kept.astype(above.dtype)

    def _noise_at(self, level: int, below: int) -> float:
        """Approximate noise of a copy, from the smaller copy that was measured for the draft."""
        small, level_set = level + below, self._noise_level
        noise = self._noise.at(small).sigma if level_set is None else self._noise.converted(level_set, small)
        return noise * _NOISIER**below


def _statistics_of(look: Look) -> frozenset[str]:
    return frozenset(name for name in ("detail", "grain") if getattr(look, name))
