"""The noise that noisy photos share, and the validation of weights fitted to it, without clean photos.

    windows ─► flattest patches ─► level by brightness, spectrum ─► model ─┐
                                        ▲                                  ▼
                                        └── compare ◄── measured again ◄── simulated, compressed like the photos

JPEG removes more noise in flat areas than where there is detail; the loop finds the noise before compression.

    photo y ──────────► f ─► distance from y ───────────────┐
    simulated noise z ─► f(y ± z/2) ─► the part of z that is left ─┴─► the remaining error of f(y)

Stein's unbiased estimate, |f(y) - y|² - |z|² + 2 z·f'(y)z, with a numerical derivative (Stein 1981; Ramani, Blu and
Unser 2008), also covers the loss of detail in real photos, which crops with fitted noise do not show.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from denoiser.evaluation.samples import evenly
from denoiser.image import JpegTables
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import Denoiser, planes_of
from denoiser.noise.jpeg import through_jpeg
from denoiser.noise.measured import MeasuredNoise, kernel_of_spectrum
from denoiser.noise.simple import as_8_bit
from denoiser.training.noise_level import SIDE, flat_patches, level_of, sigma_of, trend

_FEWEST_PATCHES = 20  # fewer give neither a level nor a spectrum
_HIDDEN_RADIUS, _RING_RADIUS = 2.5, 4.5  # waves in a patch: those of the trend, and the ring that replaces them
_ROUNDS = 6
_FASTEST_STEP = 4.0  # of a wave's power, of which one round takes the fourth root
_MOST_HIDDEN = 2.0  # times the visible noise; more could only be guessed
_LEAST_POWER = 0.01  # of the mean: smaller powers give no meaningful ratio
_ROUNDING = 1 / 12  # variance of rounding to 8 bits: smaller variances give no meaningful ratio
_TABLE_SUM = 3688  # of the luma table of JPEG's standard, at quality 50
_NEARLY_LOSSLESS = 97  # quality from which noise is kept
_WHITE = 0.1  # neighbours less correlated than this count as independent
_MOSAIC = 16  # patches along each side of the simulated image

_WAVE = torch.fft.fftfreq(SIDE) * SIDE
_RADIUS = torch.hypot(_WAVE.unsqueeze(1), _WAVE.unsqueeze(0))  # number of waves for each position of a spectrum

# Orthonormal: luma and two chromas, which JPEG compresses separately.
_OPPONENT = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])
_OPPONENT /= _OPPONENT.norm(dim=1, keepdim=True)


@dataclass(frozen=True, slots=True)
class JpegSetting:
    """JPEG quality and chroma subsampling."""

    quality: int
    half_chroma: bool

    def applied(self, images: Tensor) -> Tensor:
        """*images* (B, 3, H, W) in 0..1 after such compression."""
        quality = torch.full((len(images),), float(self.quality), device=images.device)
        return through_jpeg(images, quality, half_chroma=self.half_chroma)


def common_setting(tables: Sequence[JpegTables | None]) -> JpegSetting | None:
    """The JPEG setting of most photos, by their *tables*; None if most are no JPEG or nearly lossless."""
    settings = [_setting(one) for one in tables if one is not None]
    if 2 * len(settings) <= len(tables):
        return None
    quality = sorted(one.quality for one in settings)[len(settings) // 2]
    half_chroma = 2 * sum(one.half_chroma for one in settings) > len(settings)
    return JpegSetting(quality, half_chroma) if quality < _NEARLY_LOSSLESS else None


def _setting(tables: JpegTables) -> JpegSetting:
    # The inverse of libjpeg's scaling of its tables by quality; cameras' own tables are similar.
    scale = 100 * sum(tables.quantisation[0]) / _TABLE_SUM
    quality = 5000 / scale if scale > 100 else (200 - scale) / 2
    across, down = tables.sampling[0]
    return JpegSetting(round(min(max(quality, 1), 100)), half_chroma=across * down >= 4)


@dataclass(frozen=True, slots=True)
class OwnNoise:
    """The noise of one source before JPEG compression, and what it was fitted to."""

    model: MeasuredNoise
    jpeg: JpegSetting | None
    photos: int
    patches: int
    luma: float  # sigma as given to a denoiser, in areas as flat and as bright as the patches
    chroma: float
    shown: MeasuredNoise  # as it is in the files, after compression

    @property
    def description(self) -> str:
        """One line."""
        grain = "white" if abs(self.model.neighbour_correlation) < _WHITE else "correlated"
        jpeg = "" if self.jpeg is None else f", JPEG quality {self.jpeg.quality}"
        return (
            f"Noise of {self.photos} photos: sigma {self.luma:.1f} in luma, {self.chroma:.1f} in chroma, "
            f"{grain}{jpeg}; measured in {self.patches} flat areas."
        )

    def shoot(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """*clean* (B, 3, H, W) in 0..1 like files of this source: noisy, in 8 bits, and compressed if they are."""
        noisy = as_8_bit(self.model.add(clean, generator))
        return noisy if self.jpeg is None else self.jpeg.applied(noisy)


def fit_noise(
    photos: Sequence[Sequence[Tensor]], jpeg: JpegSetting | None, generator: torch.Generator
) -> OwnNoise | None:
    """The noise in *photos*, lists of windows (3, H, W) uint8; None if no area is flat enough.

    Windows begin at multiples of 8 pixels of their photo, on the grid of *jpeg*.
    """
    patches = flat_patches(photos)
    level = level_of(patches) if len(patches.pixels) >= _FEWEST_PATCHES else None
    if level is None or len(level.noise) < _FEWEST_PATCHES:
        return None
    pixels = patches.pixels[level.noise]
    spectrum = _spectrum(pixels)
    power = spectrum.diagonal(dim1=2, dim2=3).real
    # The ratio of the whole noise to the part beyond the trend.
    hidden = (power.mean(dim=(0, 1)) / power[_RADIUS > _HIDDEN_RADIUS].mean(dim=0)).sqrt()
    whole = level.curve * hidden.unsqueeze(1)
    model = seen = MeasuredNoise(whole, kernel_of_spectrum(spectrum), level.spread)
    luma, chroma = seen.luma_and_chroma(trend(pixels) / 255)
    if jpeg is not None:
        model = _before_compression(pixels, seen, spectrum, jpeg, generator)
    return OwnNoise(model, jpeg, len(photos), len(pixels), luma, chroma, seen)


def _spectrum(pixels: Tensor) -> Tensor:
    """(SIDE, SIDE, 3, 3), mean power 1 in each channel; waves of the trend are replaced by those next to them."""
    window = torch.hann_window(SIDE, periodic=False)
    noise = (pixels - trend(pixels)) / sigma_of(pixels).clamp_min(_ROUNDING)[:, :, None, None]
    waves = torch.fft.fft2(noise * window.outer(window))
    power: Tensor = torch.einsum("bihw,bjhw->hwij", waves, waves.conj()) / len(noise)
    ring = (_RADIUS > _HIDDEN_RADIUS) & (_RADIUS <= _RING_RADIUS)
    power[_RADIUS <= _HIDDEN_RADIUS] = power[ring].mean(dim=0).real.to(power.dtype)
    return _of_unit_power(power)


def _before_compression(
    pixels: Tensor, seen: MeasuredNoise, spectrum: Tensor, jpeg: JpegSetting, generator: torch.Generator
) -> MeasuredNoise:
    """The noise that looks like *seen*, of that *spectrum*, after compression; found iteratively.

    One factor for all levels, since JPEG removes weak noise, and single levels would not converge.
    """
    # As many patches as the mosaic has room for: spread evenly, or repeated if there are fewer.
    count, have = _MOSAIC**2, len(pixels)
    pixels = pixels[torch.arange(count) * have // count if have > count else torch.arange(count) % have]
    rows = trend(pixels).reshape(_MOSAIC, _MOSAIC, 3, SIDE, SIDE).permute(2, 0, 3, 1, 4)
    places, wanted = rows.reshape(1, 3, _MOSAIC * SIDE, _MOSAIC * SIDE) / 255, _noise_power(pixels)
    factor, before, model = 1.0, spectrum, seen
    for _ in range(_ROUNDS):
        image = jpeg.applied(model.add(places, generator))[0] * 255
        shown = image.reshape(3, _MOSAIC, SIDE, _MOSAIC, SIDE).permute(1, 3, 0, 2, 4).flatten(0, 1)
        factor = min(max(factor * (wanted / _noise_power(shown)) ** 0.5, 1.0), _MOST_HIDDEN)
        before = _nearer(before, spectrum, _spectrum(shown))
        model = MeasuredNoise(seen.level * factor, kernel_of_spectrum(before))
    return replace(model, spread=seen.spread)


def _noise_power(pixels: Tensor) -> float:
    return float((pixels - trend(pixels)).square().mean().clamp_min(_ROUNDING))


def _nearer(spectrum: Tensor, wanted: Tensor, shown: Tensor) -> Tensor:
    """*spectrum* with the powers of luma and chroma changed by the ratio of *wanted* to *shown*."""
    basis = _OPPONENT.to(spectrum.dtype)
    wanted_power, shown_power = ((basis @ s @ basis.T).diagonal(dim1=2, dim2=3).real for s in (wanted, shown))
    floor = _LEAST_POWER * wanted_power.mean(dim=(0, 1))
    step = ((wanted_power + floor) / (shown_power + floor)).clamp(1 / _FASTEST_STEP, _FASTEST_STEP).pow(0.25)
    change = basis.T @ torch.diag_embed(step).to(spectrum.dtype) @ basis
    return _of_unit_power(change @ spectrum @ change.mH)


def _of_unit_power(spectrum: Tensor) -> Tensor:
    scale = spectrum.diagonal(dim1=2, dim2=3).real.mean(dim=(0, 1)).clamp_min(1e-12).sqrt()
    return spectrum / (scale.unsqueeze(0) * scale.unsqueeze(1))


HALF_WAY = 0.5  # between initial and trained weights: gains as much, and loses less where training is wrong
_WINDOWS = 8  # of 512 pixels: half a minute or two on a CPU
_STEP = 0.5  # of the noise, in both directions: less is lost in rounding, more is another level
_LEAST_GAIN = 0.1  # of the error: the accuracy of the estimate

# A window (3, H, W) uint8 of a noisy photo, and the automatic conditioning for that photo.
PhotoWindow = tuple[Tensor, Condition]


@dataclass(frozen=True, slots=True)
class OwnNoiseValidation:
    """Estimated mean squared errors in each window, in squares of 8-bit units, before and after training."""

    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def plausible(self) -> tuple[tuple[float, float], ...]:
        """Both errors where they are positive; otherwise the photo has less noise than was fitted."""
        return tuple(pair for pair in zip(self.before, self.after, strict=True) if min(pair) > 0)

    @property
    def fits(self) -> bool:
        """Whether more than half of the windows have the fitted noise."""
        return 2 * len(self.plausible) > len(self.before)

    @property
    def change(self) -> float:
        """Relative change of the error over all windows; negative for an improvement."""
        return sum(after for _, after in self.plausible) / sum(before for before, _ in self.plausible) - 1

    @property
    def better(self) -> int:
        """Number of windows whose error falls."""
        return sum(after < before for before, after in self.plausible)

    @property
    def kept(self) -> bool:
        """Whether the trained weights are clearly better."""
        return self.fits and self.change <= -_LEAST_GAIN and 2 * self.better > len(self.before)

    @property
    def description(self) -> str:
        """One line."""
        count = len(self.before)
        if not self.fits:
            return (
                f"Not kept: {count - len(self.plausible)} of {count} areas of your photos have less noise than was "
                "fitted (resized, smoothed, or from several sources?). The weights are the initial ones."
            )
        found = f"the estimated error on your photos changes by {self.change:+.0%}"
        found += f" and falls in {self.better} of {count} areas"
        if self.kept:
            return f"Kept: {found}."
        return (
            f"Not kept: {found}; required are {-_LEAST_GAIN:.0%} and more than half. "
            "The weights are the initial ones."
        )


def validate(
    start: Denoiser, other: Denoiser, windows: Sequence[PhotoWindow], noise: MeasuredNoise
) -> OwnNoiseValidation:
    """Compare *start* and *other* on some of *windows*, whose noise is like *noise*; deterministic."""
    multiple = start.spec(halo=0).size_multiple
    large = [window for window in windows if min(window[0].shape[1:]) >= multiple]
    errors = []
    for number, (window, condition) in enumerate(evenly(large, _WINDOWS)):
        height, width = (side // multiple * multiple for side in window.shape[1:])
        pixels = window[None, :, :height, :width].float() / 255
        field = noise.field(1, height, width, torch.Generator().manual_seed(number))
        errors.append(_errors((start, other), pixels, condition, field, noise))
    before, after = zip(*errors, strict=True) if errors else ((), ())
    return OwnNoiseValidation(before, after)


def half_way(start: Denoiser, learned: Denoiser) -> Denoiser:
    """A network whose weights are the mean of those of *start* and *learned*."""
    between = copy.deepcopy(start)
    ends = learned.state_dict()
    between.load_state_dict({k: torch.lerp(v, ends[k].to(v), HALF_WAY) for k, v in start.state_dict().items()})
    return between


@torch.inference_mode()
def _errors(
    networks: Sequence[nn.Module], pixels: Tensor, condition: Condition, field: Tensor, noise: MeasuredNoise
) -> list[float]:
    device = next(networks[0].parameters()).device
    pixels, planes = pixels.to(device), planes_of(condition).to(device)
    outputs = [network(pixels, planes) for network in networks]
    drawn = field.to(device) * noise.sigma_at(outputs[0]) / 255
    step = _STEP * drawn
    errors = []
    for network, output in zip(networks, outputs, strict=True):
        passed = (network(pixels + step, planes) - network(pixels - step, planes)) / (2 * _STEP)
        error = (output - pixels).square() - drawn.square() + 2 * drawn * passed
        errors.append(float(error.mean()) * 255**2)
    return errors
