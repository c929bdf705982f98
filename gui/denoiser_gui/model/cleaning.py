"""One photo with one set of inference options: a draft of the view, then exact tiles.

Written by the engine thread, read by the render thread; `version` increases with every change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from denoiser.events import CancelToken
from denoiser.image import Pixels
from denoiser.imageio.screen import halved, resized
from denoiser_gui.model.picture import Picture, cut
from denoiser_gui.model.requests import Finished, State, finished
from denoiser_gui.model.viewport import Area

if TYPE_CHECKING:
    from denoiser.engine.gradual import Gradual
    from denoiser.engine.looks import Look, Looks
    from denoiser.engine.session import Session
    from denoiser.engine.trust import Trust
    from denoiser.estimation import NoiseEstimate
    from denoiser.tiling import Region

_MOST_OF_A_DRAFT = 300_000  # pixels of a draft that the model processes: a tenth of a second
_WORTH_A_DRAFT = 2  # tiles: computing a single tile is as fast as its draft
_NOISIER = 1.8  # ratio of noise to that at half size: 2 for white noise, less for correlated noise
_CLEARLY_STRUCTURE = 2.5  # in noise sigmas: source detail above this is added to a draft
_ROWS_AT_ONCE = 256  # rows of a look that are rendered between two checks for a cancel


class Estimates:
    """Noise estimates of a photo and its reduced copies, each computed once. Engine thread only."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._known: dict[int, NoiseEstimate] = {}

    def at(self, level: int) -> NoiseEstimate:
        """The noise of a reduced copy. Halving removes less of correlated noise."""
        from denoiser.estimation import estimate_noise

        if level not in self._known:
            picture = self._picture
            image = picture.image if level == 0 else picture.part(level, picture.area_at(level))
            self._known[level] = estimate_noise(image)
        return self._known[level]

    def carried(self, noise_level: float, level: int) -> float:
        """Convert a noise level of the photo to one of a reduced copy."""
        least = 0.5**level
        whole = self.at(0).sigma
        return noise_level * (min(max(self.at(level).sigma / whole, least), 1.0) if whole > 1 else least)


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A fast approximation of part of a reduced copy."""

    area: Area
    pixels: Pixels


class Cleaning:
    """The denoised pixels of a photo so far, exact tiles and drafts."""

    def __init__(self, picture: Picture, session: Session, noise_level: float | None, estimates: Estimates) -> None:
        self.picture, self.session = picture, session
        self._noise_level, self._estimates = noise_level, estimates
        self._drafts: dict[int, Draft] = {}
        self._gradual: Gradual | None = None
        self._levels: tuple[Pixels, ...] = ()
        self._settled: tuple[Look, tuple[Pixels, ...]] | None = None
        self._measured: frozenset[str] = frozenset()
        self.trust: Trust | None = None  # computed on request once the photo is complete
        self.version = 0  # increases with every visible change

    @property
    def bytes(self) -> int:
        """Memory use in bytes."""
        held = [*self._levels, *(draft.pixels for draft in self._drafts.values())]
        held += [] if self._settled is None else self._settled[1]
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

    def is_exact(self, area: Area) -> bool:
        """Whether all tiles in this part of the photo are exact."""
        return self._gradual is not None and self._gradual.has(_region(area))

    def to_draft(self, level: int, area: Area) -> Area | None:
        """The area of a reduced copy that needs a draft; None if too few tiles are missing."""
        missing = self._missing(level, area)
        parts = [common for part in missing if (common := _common(part, area)) is not None]
        if len(parts) < _WORTH_A_DRAFT:
            return None
        top, left = min(part.top for part in parts), min(part.left for part in parts)
        height, width = max(part.bottom for part in parts) - top, max(part.right for part in parts) - left
        wanted = Area(top, left, height, width)
        draft = self._drafts.get(level)
        return None if draft is not None and draft.area.contains(wanted) else wanted

    def draft(self, level: int, area: Area, cancel: CancelToken) -> None:
        """Compute a draft of part of a copy from a smaller copy, in a quarter of the time or less."""
        below = 0
        while area.shrunk(below).pixels > _MOST_OF_A_DRAFT or below + level == 0:
            if level + below + 1 >= len(self.picture.levels):
                break
            below += 1
        small = area.shrunk(below)
        clean = self._clean_of_copy(level + below, small, cancel)
        if below:
            clean = self._with_structure(level, area, below, small, clean)
        self._drafts = {level: Draft(area, clean)}
        self.version += 1

    def clean_next(self, area: Area | None, cancel: CancelToken) -> Area | None:
        """Compute the missing tile nearest to the centre of *area*, or of the photo; None if none is missing."""
        gradual = self._begun()
        region = gradual.clean_next(None if area is None else _region(area), cancel)
        if region is None:
            return None
        done = Area(region.top, region.left, region.height, region.width)
        self._carry_down(done)
        if gradual.is_complete:
            self._drafts = {}
        self.version += 1
        return done

    def pixels(self, level: int, area: Area) -> tuple[Pixels, State]:
        """Denoised pixels of part of a copy and their state; missing parts show the source."""
        missing = [part for part in self._missing(level, area) if _common(part, area) is not None]
        if not missing:
            return cut(self._levels[level], area), State.EXACT
        draft, state = self._drafts.get(level), State.DRAFT
        mixed = cut(self._levels[level] if self._levels else self.picture.levels[level], area).copy()
        for part in missing:
            seen = _common(part, area)
            assert seen is not None  # only parts in *area* are in the list
            _paste(mixed, area, cut(self.picture.levels[level], seen), seen)
            guessed = None if draft is None else _common(draft.area, seen)
            if draft is not None and guessed is not None:
                _paste(mixed, area, cut(draft.pixels, guessed.within(draft.area)), guessed)
            state = state if guessed == seen else State.WAITING
        return mixed, state

    @cached_property
    def looks(self) -> Looks:
        """Renders looks of the whole photo; exact where its tiles are."""
        from denoiser.engine.looks import Looks

        return Looks(self._begun().image, self._begun().clean)

    def is_measured(self, look: Look) -> bool:
        """Whether the whole-photo statistics that a look needs are known."""
        return _needs(look) <= self._measured

    def measure(self, look: Look) -> None:
        """Compute the whole-photo statistics that a look needs; the photo must be complete."""
        if look.detail:
            _ = self.looks.texture
        if look.grain:
            _ = self.looks.grain
        self._measured |= _needs(look)
        self.version += 1

    def measure_trust(self) -> None:
        """Compute the trust map; the photo must be complete."""
        from denoiser.engine.trust import trust

        self.trust = trust(self.picture.image, self._begun().clean)
        self.version += 1

    def settled(self, look: Look, level: int) -> Pixels | None:
        """A copy of the photo with this look, if `settle` has rendered it."""
        return self._settled[1][level] if self._settled is not None and self._settled[0] == look else None

    def settle(self, look: Look, cancel: CancelToken) -> None:
        """Render a look at full size and reduce it: the exact pixels of a zoomed-out view."""
        from denoiser.tiling import Region

        height, width = self.picture.image.height, self.picture.image.width
        finished: Pixels = np.empty_like(self.picture.image.pixels)
        for top in range(0, height, _ROWS_AT_ONCE):
            cancel.raise_if_cancelled()
            rows = min(_ROWS_AT_ONCE, height - top)
            self.looks.render(look, Region(top, 0, rows, width), out=finished[top : top + rows])
        levels = [finished]
        while len(levels) < len(self.picture.levels):
            cancel.raise_if_cancelled()
            levels.append(halved(levels[-1]))
        self._settled = (look, tuple(levels))
        self.version += 1

    def finish(self, look: Look) -> Finished:
        """The finished photo, once it is complete; raises SpoiltResult if most of it fails the sanity check."""
        before = self.session.precision
        cleaned = self.session.finish(self._begun().work, look)
        if self.session.precision != before:  # repeated in fp32: the shown pixels changed too
            self._carry_down(self.picture.whole)
            self._settled, self._measured = None, frozenset()
            self.__dict__.pop("looks", None)
            self.version += 1
        return finished(self.picture.image, cleaned, self.session)

    def _missing(self, level: int, area: Area) -> list[Area]:
        """Areas of a copy whose tiles are missing."""
        if self._gradual is None:
            return [area] * _WORTH_A_DRAFT  # not planned yet
        image = self.picture.image
        wanted = area.grown(level, image.height, image.width)
        return [_area(part).shrunk(level) for part in self._gradual.missing_in(_region(wanted))]

    def _begun(self) -> Gradual:
        if self._gradual is None:
            gradual = self.session.gradual(self.picture.image, self._noise_level, self._estimates.at(0))
            copies = [np.empty_like(level) for level in self.picture.levels[1:]]
            self._levels = (gradual.clean, *copies)
            if gradual.is_complete:  # nothing to denoise
                self._levels = self.picture.levels
            self._gradual = gradual
        return self._gradual

    def _carry_down(self, area: Area) -> None:
        """Update part of the reduced copies."""
        for level in range(1, len(self._levels)):
            small = area.shrunk(level)
            parent = self._levels[level - 1]
            cut(self._levels[level], small)[:] = halved(cut(parent, small.grown(1, *parent.shape[:2])))

    def _clean_of_copy(self, level: int, area: Area, cancel: CancelToken) -> Pixels:
        asked = None if self._noise_level is None else self._estimates.carried(self._noise_level, level)
        gradual = self.session.gradual(self.picture.part(level, area), asked, self._estimates.at(level))
        while gradual.clean_next(None, cancel):
            pass
        return gradual.clean

    def _with_structure(self, level: int, area: Area, below: int, small: Area, clean: Pixels) -> Pixels:
        """Upscale a denoised small copy and add source detail that is clearly above the noise."""
        above = self.picture.levels[level]
        covered = small.grown(below, *above.shape[:2])
        source = cut(above, area).astype(np.float32)
        place = area.within(covered)
        size = (covered.height, covered.width)
        coarse = resized(cut(self.picture.levels[level + below], small), *size)
        fine = source - cut(coarse, place)
        noise = self._noise_at(level, below) * self.picture.image.white / 255
        kept = np.sign(fine) * np.maximum(np.abs(fine) - np.float32(_CLEARLY_STRUCTURE * noise), 0)
        kept += cut(resized(clean, *size), place)
        if np.issubdtype(above.dtype, np.integer):
            np.clip(np.rint(kept), 0, self.picture.image.white, out=kept)
        return kept.astype(above.dtype)

    def _noise_at(self, level: int, below: int) -> float:
        """Approximate noise of a copy, from the smaller copy that was measured for the draft."""
        small = level + below
        if self._noise_level is not None:
            return self._estimates.carried(self._noise_level, small) * _NOISIER**below
        return self._estimates.at(small).sigma * _NOISIER**below


def _needs(look: Look) -> frozenset[str]:
    return frozenset(name for name in ("detail", "grain") if getattr(look, name))


def _paste(pixels: Pixels, area: Area, part: Pixels, place: Area) -> None:
    """Copy *part*, which shows *place*, into *pixels*, which show *area*."""
    cut(pixels, place.within(area))[:] = part


def _common(one: Area, other: Area) -> Area | None:
    top, left = max(one.top, other.top), max(one.left, other.left)
    height, width = min(one.bottom, other.bottom) - top, min(one.right, other.right) - left
    return Area(top, left, height, width) if height > 0 and width > 0 else None


def _region(area: Area) -> Region:
    from denoiser.tiling import Region

    return Region(area.top, area.left, area.height, area.width)


def _area(region: Region) -> Area:
    return Area(region.top, region.left, region.height, region.width)
