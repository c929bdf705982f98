"""One photo with one setting of the network: a draft of what is looked at, then exact tiles until all is clean.

The engine's thread writes, the thread that renders reads; `version` grows when there is more to be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from denoiser.events import CancelToken
from denoiser.image import Image, Pixels
from denoiser.imageio.screen import halved, resized
from denoiser_gui.model.picture import Picture, cut
from denoiser_gui.model.requests import State
from denoiser_gui.model.viewport import Area

if TYPE_CHECKING:
    from denoiser.engine import Cleaned
    from denoiser.engine.gradual import Gradual
    from denoiser.engine.looks import Look, Looks, Region
    from denoiser.engine.session import Session
    from denoiser.engine.trust import Trust
    from denoiser.estimation import NoiseEstimate

_MOST_OF_A_DRAFT = 300_000  # pixels that the network sees of one: a tenth of a second
_WORTH_A_DRAFT = 2  # tiles: a single one is there as soon as a draft of it would have been looked at
_NOISIER = 1.8  # times the noise of a copy at half the size; 2 where it is white, less where it hangs together
_CLEARLY_STRUCTURE = 2.5  # sigmas of the noise: what stands out by so much is drawn into a draft as it is
_ROWS_AT_ONCE = 256  # of a look of all the photo, between two questions whether it is still wanted


class Estimates:
    """The noise of a photo and of its small copies, each measured once. The engine's thread."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._known: dict[int, NoiseEstimate] = {}

    def at(self, level: int) -> NoiseEstimate:
        """The noise that is in a copy: halving takes less of it where it hangs together over several pixels."""
        from denoiser.estimation import estimate_noise

        if level not in self._known:
            picture = self._picture
            image = picture.image if level == 0 else picture.part(level, picture.area_at(level))
            self._known[level] = estimate_noise(image)
        return self._known[level]

    def carried(self, noise_level: float, level: int) -> float:
        """What a level that was asked for the photo is worth in a copy of it."""
        least = 0.5**level
        whole = self.at(0).sigma
        return noise_level * (min(max(self.at(level).sigma / whole, least), 1.0) if whole > 1 else least)


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A guess at a part of a copy."""

    area: Area
    pixels: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A photo as it is to be written, and whose work it is."""

    source: Image
    cleaned: Cleaned
    model_name: str
    model_digest: str
    device: str
    precision: str


class Cleaning:
    """What is there of the clean photo, exact and guessed."""

    def __init__(self, picture: Picture, session: Session, noise_level: float | None, estimates: Estimates) -> None:
        self.picture, self.session = picture, session
        self._noise_level, self._estimates = noise_level, estimates
        self._drafts: dict[int, Draft] = {}
        self._gradual: Gradual | None = None
        self._levels: tuple[Pixels, ...] = ()
        self._settled: tuple[Look, tuple[Pixels, ...]] | None = None
        self._measured: frozenset[str] = frozenset()
        self.trust: Trust | None = None  # once all is clean, and it was asked for
        self.version = 0  # grows with all that is new to be seen

    @property
    def bytes(self) -> int:
        """What it holds in memory."""
        held = [*self._levels, *(draft.pixels for draft in self._drafts.values())]
        held += [] if self._settled is None else self._settled[1]
        return sum(pixels.nbytes for pixels in held)

    @property
    def is_complete(self) -> bool:
        return self._gradual is not None and self._gradual.is_complete

    @property
    def progress(self) -> float:
        """The share of the photo that is exact."""
        return self._gradual.progress if self._gradual else 0.0

    @property
    def kept_share(self) -> float | None:
        """The share of the photo that was kept as in the source, 0 to 1; None until the photo is complete."""
        if self._gradual is None or not self._gradual.is_complete:
            return None
        canvas = self._gradual.work.canvas
        return canvas.kept_share if canvas is not None else 0.0

    def is_exact(self, area: Area) -> bool:
        """Whether all tiles that show in this part of the photo are there."""
        return self._gradual is not None and self._gradual.has(_region(area))

    def to_draft(self, level: int, area: Area) -> Area | None:
        """What of a part of a copy is worth a guess: the rectangle around what is missing, if that is much."""
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
        """Guesses at a part of a copy from a smaller one, which takes a quarter of the time or less."""
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
        """The exact tile next to the middle of *area*, or of all; gives its place, or None when none is missing."""
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
        """A part of a copy of the clean photo, and its state; the source stands in where nothing else is there."""
        missing = [part for part in self._missing(level, area) if _common(part, area) is not None]
        if not missing:
            return cut(self._levels[level], area), State.EXACT
        draft, state = self._drafts.get(level), State.DRAFT
        mixed = cut(self._levels[level] if self._levels else self.picture.levels[level], area).copy()
        for part in missing:
            seen = _common(part, area)
            assert seen is not None  # they were chosen so
            _paste(mixed, area, cut(self.picture.levels[level], seen), seen)
            guessed = None if draft is None else _common(draft.area, seen)
            if draft is not None and guessed is not None:
                _paste(mixed, area, cut(draft.pixels, guessed.within(draft.area)), guessed)
            state = state if guessed == seen else State.WAITING
        return mixed, state

    @cached_property
    def looks(self) -> Looks:
        """Of the photo itself; exact wherever its tiles are."""
        from denoiser.engine.looks import Looks

        return Looks(self._begun().image, self._begun().clean)

    def is_measured(self, look: Look) -> bool:
        """Whether all that a look needs to know of the whole photo is known."""
        return _needs(look) <= self._measured

    def measure(self, look: Look) -> None:
        """Finds out what a look needs to know of the whole photo, which is clean."""
        if look.detail:
            _ = self.looks.texture
        if look.grain:
            _ = self.looks.grain
        self._measured |= _needs(look)
        self.version += 1

    def measure_trust(self) -> None:
        """Finds out where structure was taken from the photo, which is clean."""
        from denoiser.engine.trust import trust

        self.trust = trust(self.picture.image, self._begun().clean)
        self.version += 1

    def settled(self, look: Look, level: int) -> Pixels | None:
        """A copy of the finished photo, if this very look was settled."""
        return self._settled[1][level] if self._settled is not None and self._settled[0] == look else None

    def settle(self, look: Look, cancel: CancelToken) -> None:
        """Mixes the look at full size and makes the copies from that: what a far look at the written file shows."""
        from denoiser.engine.looks import Region

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
        """The finished photo, once all of it is clean; SpoiltResult where it is wrong nearly everywhere."""
        before = self.session.precision
        cleaned = self.session.finish(self._begun().work, look)
        if self.session.precision != before:  # it was wrong, and repeated: so is what is shown
            self._carry_down(self.picture.whole)
            self._settled, self._measured = None, frozenset()
            self.__dict__.pop("looks", None)
            self.version += 1
        return finished(self.picture.image, cleaned, self.session)

    def _missing(self, level: int, area: Area) -> list[Area]:
        """The tiles that are not there yet, as parts of a copy."""
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
            if gradual.is_complete:  # nothing is to be done to it
                self._levels = self.picture.levels
            self._gradual = gradual
        return self._gradual

    def _carry_down(self, area: Area) -> None:
        """Renews a part of the small copies."""
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
        """A clean small copy at the size of the one above, with what clearly stands out of the noise there."""
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
        """About the noise of a copy, from that of the smaller one, which was measured for the draft anyway."""
        small = level + below
        if self._noise_level is not None:
            return self._estimates.carried(self._noise_level, small) * _NOISIER**below
        return self._estimates.at(small).sigma * _NOISIER**below


def finished(source: Image, cleaned: Cleaned, session: Session) -> Finished:
    """A result with the name of the weights that it owes to."""
    return Finished(source, cleaned, session.model_name, session.model_digest, session.device, session.precision)


def _needs(look: Look) -> frozenset[str]:
    return frozenset(name for name in ("detail", "grain") if getattr(look, name))


def _paste(pixels: Pixels, area: Area, part: Pixels, place: Area) -> None:
    """Puts *part* where it belongs in *pixels*, which show *area*."""
    cut(pixels, place.within(area))[:] = part


def _common(one: Area, other: Area) -> Area | None:
    top, left = max(one.top, other.top), max(one.left, other.left)
    height, width = min(one.bottom, other.bottom) - top, min(one.right, other.right) - left
    return Area(top, left, height, width) if height > 0 and width > 0 else None


def _region(area: Area) -> Region:
    from denoiser.engine.looks import Region

    return Region(area.top, area.left, area.height, area.width)


def _area(region: Region) -> Area:
    return Area(region.top, region.left, region.height, region.width)
