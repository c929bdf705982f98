"""Whether fitted weights are better on the noisy photos themselves, for which there is no clean reference.

    photo y ───────────► f ─► how far from y ──────────────────┐
    noise z like its own ─► f(y ± z/2) ─► what of z came through ─┴─► the error that is left in f(y)

Stein's unbiased estimate, |f(y) - y|² - |z|² + 2 z·f'(y)z, with the derivative by trying (Stein 1981; Ramani, Blu
and Unser 2008). It sees what held-out crops with fitted noise cannot: detail that gets lost in real photos.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from denoiser.networks.conditioning import Condition
from denoiser.networks.pyramid import SIZE_MULTIPLE
from denoiser.noise.measured import MeasuredNoise

HALF_WAY = 0.5  # from the start to what was learned: gains as much as all the way, loses less where training errs
_PLACES = 8  # of 512 pixels: half a minute or two on a CPU
_STEP = 0.5  # of the noise, to both sides: less drowns in rounding, more is another level
_LEAST_FALL = 0.1  # of the error: the estimate is not surer than that


@dataclass(frozen=True, slots=True)
class Place:
    """A window (3, H, W) uint8 of a noisy photo, and what the automatic level tells of that photo."""

    window: Tensor
    told: Condition


@dataclass(frozen=True, slots=True)
class OwnNoiseVerdict:
    """Estimated mean squared errors, in squares of 8-bit units, place by place: of the start, and half way."""

    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def believed(self) -> tuple[tuple[float, float], ...]:
        """Both errors where they can be: below zero the photo holds less noise than was fitted."""
        return tuple(pair for pair in zip(self.before, self.after, strict=True) if min(pair) > 0)

    @property
    def fits(self) -> bool:
        """The fitted noise is in more than half of the places."""
        return 2 * len(self.believed) > len(self.before)

    @property
    def change(self) -> float:
        """Of the error over all places, as a share; negative where it falls."""
        return sum(after for _, after in self.believed) / sum(before for before, _ in self.believed) - 1

    @property
    def better(self) -> int:
        """In how many places the error falls."""
        return sum(after < before for before, after in self.believed)

    @property
    def kept(self) -> bool:
        """What was learned is clearly better."""
        return self.fits and self.change <= -_LEAST_FALL and 2 * self.better > len(self.before)

    @property
    def in_words(self) -> str:
        """One line for people."""
        count = len(self.before)
        if not self.fits:
            return (
                f"Not kept: {count - len(self.believed)} of {count} places in your photos hold less noise than was "
                "fitted (resized, smoothed, or of several sources?). The weights are those it started from."
            )
        found = f"the estimated error on your photos changes by {self.change:+.0%}"
        found += f" and falls in {self.better} of {count} places"
        if self.kept:
            return f"Kept: {found}."
        return (
            f"Not kept: {found}; wanted are {-_LEAST_FALL:.0%} and more than half. "
            "The weights are those it started from."
        )


def judge(start: nn.Module, other: nn.Module, places: Sequence[Place], noise: MeasuredNoise) -> OwnNoiseVerdict:
    """How *start* and *other* do at some of *places*, whose noise is like *noise*; the same every time."""
    before, after = [], []
    for number, place in enumerate(_evenly(places)):
        generator = torch.Generator().manual_seed(number)
        first, second = _errors((start, other), place, noise, generator)
        before.append(first)
        after.append(second)
    return OwnNoiseVerdict(tuple(before), tuple(after))


def half_way(start: nn.Module, learned: nn.Module) -> nn.Module:
    """A network whose weights lie between those of *start* and *learned*."""
    between = copy.deepcopy(start)
    ends = learned.state_dict()
    between.load_state_dict({k: torch.lerp(v, ends[k].to(v), HALF_WAY) for k, v in start.state_dict().items()})
    return between


@torch.inference_mode()
def _errors(
    networks: Sequence[nn.Module], place: Place, noise: MeasuredNoise, generator: torch.Generator
) -> list[float]:
    device = next(networks[0].parameters()).device
    height, width = (side // SIZE_MULTIPLE * SIZE_MULTIPLE for side in place.window.shape[1:])
    seen = place.window[None, :, :height, :width].float().to(device) / 255
    planes = place.told.planes().reshape(1, -1, 1, 1).to(device)
    field = noise.field(1, height, width, generator).to(device)
    cleaned = [network(seen, planes) for network in networks]
    drawn = field * noise.sigma_at(cleaned[0]) / 255
    step = _STEP * drawn
    errors = []
    for network, output in zip(networks, cleaned, strict=True):
        passed = (network(seen + step, planes) - network(seen - step, planes)) / (2 * _STEP)
        error = (output - seen).square() - drawn.square() + 2 * drawn * passed
        errors.append(float(error.mean()) * 255**2)
    return errors


def _evenly(places: Sequence[Place]) -> list[Place]:
    large = [place for place in places if min(place.window.shape[1:]) >= SIZE_MULTIPLE]
    count = min(_PLACES, len(large))
    return [large[(2 * number + 1) * len(large) // (2 * count)] for number in range(count)]
