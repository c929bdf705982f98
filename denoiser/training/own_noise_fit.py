"""The noise that noisy photos share, and the validation of weights fitted to it; nothing clean is needed.

    windows ─► flattest patches ─► level by brightness, spectrum ─► model ─┐
                                        ▲                                  ▼
                                        └── compare ◄── measured again ◄── simulated, packed as the photos were

JPEG takes more of the noise in flat places than where there is detail; the loop finds the noise before packing.

    photo y ───────────► f ─► how far from y ──────────────────┐
    noise z like its own ─► f(y ± z/2) ─► what of z came through ─┴─► the error that is left in f(y)

Stein's unbiased estimate, |f(y) - y|² - |z|² + 2 z·f'(y)z, with a numerical derivative (Stein 1981; Ramani, Blu and
Unser 2008), also covers what held-out crops with fitted noise do not: detail that is lost in real photos.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from denoiser.image import JpegTables
from denoiser.networks.conditioning import Condition
from denoiser.networks.pyramid import SIZE_MULTIPLE
from denoiser.noise import as_8_bit, through_jpeg
from denoiser.noise.measured import MeasuredNoise, kernel_of_spectrum
from denoiser.training import noise_level
from denoiser.training.noise_level import level_of, sigma_of

_FEWEST_PATCHES = 20  # in all: below that neither level nor grain means anything
_HIDDEN_RADIUS, _RING_RADIUS = 2.5, 4.5  # waves in a patch: what the trend took away, and what stands in for it
_ROUNDS = 6
_FASTEST_STEP = 4.0  # of a wave's power, of which one round takes the fourth root
_MOST_HIDDEN = 2.0  # times what is seen: more than that would be guessed
_LEAST_POWER = 0.01  # of the mean: no ratio is taken of what packing has emptied
_ROUNDING = 1 / 12  # variance of rounding to 8 bits: no ratio is taken of less
_TABLE_SUM = 3688  # of the luma table of JPEG's standard, which quality 50 stands for
_HARDLY_PACKED = 97  # quality: from here on noise passes as it is
_WHITE = 0.1  # neighbours less correlated than this count as independent
_MOSAIC = 16  # patches along each side of the simulated picture

# Orthonormal: luma and two chromas, which JPEG treats apart.
_OPPONENT = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])
_OPPONENT /= _OPPONENT.norm(dim=1, keepdim=True)


@dataclass(frozen=True, slots=True)
class Packing:
    """How photos were packed as JPEG."""

    quality: int
    half_chroma: bool

    def applied(self, pictures: Tensor) -> Tensor:
        """*pictures* (B, 3, H, W) in 0..1 as such files give them back."""
        quality = torch.full((len(pictures),), float(self.quality), device=pictures.device)
        return through_jpeg(pictures, quality, half_chroma=self.half_chroma)


def packing_of(tables: Sequence[JpegTables | None]) -> Packing | None:
    """How most photos were packed, by their *tables*; None where they are no JPEG, or hardly packed."""
    packed = [_packing(one) for one in tables if one is not None]
    if 2 * len(packed) <= len(tables):
        return None
    quality = sorted(one.quality for one in packed)[len(packed) // 2]
    half_chroma = 2 * sum(one.half_chroma for one in packed) > len(packed)
    return Packing(quality, half_chroma) if quality < _HARDLY_PACKED else None


def _packing(tables: JpegTables) -> Packing:
    # The scale that libjpeg derives from a quality, the other way round; cameras' own tables come near it.
    scale = 100 * sum(tables.quantisation[0]) / _TABLE_SUM
    quality = 5000 / scale if scale > 100 else (200 - scale) / 2
    across, down = tables.sampling[0]
    return Packing(round(min(max(quality, 1), 100)), half_chroma=across * down >= 4)


@dataclass(frozen=True, slots=True)
class OwnNoise:
    """The noise of one source, as its photos had it before they were packed, and what it was fitted to."""

    model: MeasuredNoise
    packing: Packing | None
    photos: int
    patches: int
    luma: float  # sigma as given to a denoiser, in places as flat and as bright as the patches
    chroma: float
    shown: MeasuredNoise  # as it is in the files, packed if they are

    @property
    def in_words(self) -> str:
        """One line for people."""
        grain = "white" if abs(self.model.neighbour_correlation) < _WHITE else "correlated"
        packed = "" if self.packing is None else f", packed as JPEG of quality {self.packing.quality}"
        return (
            f"Noise of {self.photos} photos: sigma {self.luma:.1f} in luma, {self.chroma:.1f} in chroma, "
            f"{grain}{packed}; from {self.patches} flat places."
        )

    def shoot(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """*clean* (B, 3, H, W) in 0..1 as files of this source would show it: noise, 8 bits, packed if they are."""
        noisy = as_8_bit(self.model.add(clean, generator))
        return noisy if self.packing is None else self.packing.applied(noisy)


def fit_noise(
    photos: Sequence[Sequence[Tensor]], packing: Packing | None, generator: torch.Generator
) -> OwnNoise | None:
    """The noise in *photos*, lists of windows (3, H, W) uint8; None where no place is flat enough to tell.

    Windows begin at multiples of 8 of their photo, so that *packing* can be undone.
    """
    patches = noise_level.flat_patches(photos)
    level = level_of(patches) if len(patches.pixels) >= _FEWEST_PATCHES else None
    if level is None or len(level.noise) < _FEWEST_PATCHES:
        return None
    pixels = patches.pixels[level.noise]
    spectrum = _spectrum(pixels)
    whole = level.curve * _whole_over_shown(spectrum).unsqueeze(1)
    model = seen = MeasuredNoise(whole, kernel_of_spectrum(spectrum), level.spread)
    luma, chroma = seen.luma_and_chroma(noise_level.trend(pixels) / 255)
    if packing is not None:
        model = _before_packing(pixels, seen, spectrum, packing, generator)
    return OwnNoise(model, packing, len(photos), len(pixels), luma, chroma, seen)


def _spectrum(pixels: Tensor) -> Tensor:
    """(SIDE, SIDE, 3, 3), mean power 1 in each channel; the waves that the trend took are those beside them."""
    window = torch.hann_window(noise_level.SIDE, periodic=False)
    noise = (pixels - noise_level.trend(pixels)) / sigma_of(pixels).clamp_min(_ROUNDING)[:, :, None, None]
    waves = torch.fft.fft2(noise * window.outer(window))
    power: Tensor = torch.einsum("bihw,bjhw->hwij", waves, waves.conj()) / len(noise)
    radius = _radius()
    ring = (radius > _HIDDEN_RADIUS) & (radius <= _RING_RADIUS)
    power[radius <= _HIDDEN_RADIUS] = power[ring].mean(dim=0).real.to(power.dtype)
    return _of_unit_power(power)


def _whole_over_shown(spectrum: Tensor) -> Tensor:
    """How much stronger (3,) the noise is than what of it lies beyond the trend."""
    power = spectrum.diagonal(dim1=2, dim2=3).real
    return (power.mean(dim=(0, 1)) / power[_radius() > _HIDDEN_RADIUS].mean(dim=0)).sqrt()


def _before_packing(
    pixels: Tensor, seen: MeasuredNoise, spectrum: Tensor, packing: Packing, generator: torch.Generator
) -> MeasuredNoise:
    """The noise that looks like *seen*, of that *spectrum*, once it is packed: found by trying and comparing.

    One factor for all levels: JPEG drops what is small, and level by level the search would chase that edge.
    """
    pixels = _repeated(pixels)
    places, wanted = _mosaic(noise_level.trend(pixels)) / 255, _noise_power(pixels)
    factor, before, model = 1.0, spectrum, seen
    for _ in range(_ROUNDS):
        shown = _cut_mosaic(packing.applied(model.add(places, generator))[0] * 255)
        factor = min(max(factor * (wanted / _noise_power(shown)) ** 0.5, 1.0), _MOST_HIDDEN)
        before = _nearer(before, spectrum, _spectrum(shown))
        model = MeasuredNoise(seen.level * factor, kernel_of_spectrum(before))
    return replace(model, spread=seen.spread)


def _noise_power(pixels: Tensor) -> float:
    return float((pixels - noise_level.trend(pixels)).square().mean().clamp_min(_ROUNDING))


def _nearer(spectrum: Tensor, wanted: Tensor, shown: Tensor) -> Tensor:
    """*spectrum* with the powers of luma and chroma changed as *wanted* stands to *shown*."""
    basis = _OPPONENT.to(spectrum.dtype)
    wanted_power, shown_power = ((basis @ s @ basis.T).diagonal(dim1=2, dim2=3).real for s in (wanted, shown))
    floor = _LEAST_POWER * wanted_power.mean(dim=(0, 1))
    step = ((wanted_power + floor) / (shown_power + floor)).clamp(1 / _FASTEST_STEP, _FASTEST_STEP).pow(0.25)
    change = basis.T @ torch.diag_embed(step).to(spectrum.dtype) @ basis
    return _of_unit_power(change @ spectrum @ change.mH)


def _of_unit_power(spectrum: Tensor) -> Tensor:
    scale = spectrum.diagonal(dim1=2, dim2=3).real.mean(dim=(0, 1)).clamp_min(1e-12).sqrt()
    return spectrum / (scale.unsqueeze(0) * scale.unsqueeze(1))


def _radius() -> Tensor:
    """How many waves each place of a patch's spectrum stands for, (SIDE, SIDE)."""
    wave = torch.fft.fftfreq(noise_level.SIDE) * noise_level.SIDE
    return torch.hypot(wave.unsqueeze(1), wave.unsqueeze(0))


def _repeated(patches: Tensor) -> Tensor:
    """As many as a mosaic holds: evenly from all, or each as often as there is room."""
    count, have = _MOSAIC**2, len(patches)
    return patches[torch.arange(count) * have // count if have > count else torch.arange(count) % have]


def _mosaic(patches: Tensor) -> Tensor:
    rows = patches.reshape(_MOSAIC, _MOSAIC, 3, noise_level.SIDE, noise_level.SIDE).permute(2, 0, 3, 1, 4)
    return rows.reshape(1, 3, _MOSAIC * noise_level.SIDE, _MOSAIC * noise_level.SIDE)


def _cut_mosaic(picture: Tensor) -> Tensor:
    patches = picture.unfold(1, noise_level.SIDE, noise_level.SIDE).unfold(2, noise_level.SIDE, noise_level.SIDE)
    return patches.permute(1, 2, 0, 3, 4).reshape(-1, 3, noise_level.SIDE, noise_level.SIDE)


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
