"""Robustness to degradations that a denoiser was not trained for: one score for each.

Measured on the centre of clean images, as 8-bit files, with the automatic level. The reference of an image out of
focus is out of focus as well, since a denoiser does not sharpen. White noise with a wrong level, and the attack,
use float values and a given level.

Invisible changes are random or adversarial: projected gradient ascent on the squared error of the network's result
(Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018). Each step moves every
value by the sign of its gradient, within the budget; it needs the gradients of the network (white box).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.errors import UnusableData
from denoiser.evaluation.denoising import Score, score
from denoiser.evaluation.methods import as_set, given_level, white_condition
from denoiser.evaluation.samples import (
    Sample,
    SampleSet,
    Truth,
    Values,
    as_file,
    as_values,
    centre,
    seed_of,
    untouched_set,
    white_set,
)
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.models.loading import LoadedModel
from denoiser.networks.conditioning import planes_of
from denoiser.noise import simple
from denoiser.options import WriteOptions

BUDGET = 2 / 255  # of each value: invisible even side by side
STEPS = 5
_STRIDE = BUDGET / 2  # so that the whole budget can be used and reverted


def random_nearby(sample: Sample) -> Sample:
    """*sample* with every value moved by the budget, up or down at random."""
    random = np.random.default_rng(seed_of(sample.name, "nearby"))
    signs = random.integers(0, 2, sample.noisy.shape).astype(np.float32) * 2 - 1
    return _moved(sample, np.float32(BUDGET) * signs)


def worst_nearby(model: LoadedModel, sample: Sample) -> Sample:
    """*sample* moved within the budget to maximise the error of *model*, which is given the noise level."""
    if sample.level is None:
        raise UnusableData(f"{sample.name}: its noise level is unknown.")
    grey = sample.truth.shape[2] == 1
    multiple = model.spec.size_multiple
    height, width = (side // multiple * multiple for side in sample.truth.shape[:2])
    if not height or not width:
        raise UnusableData(f"{sample.name}: too small for the attack.")
    noisy, truth = (
        torch.from_numpy(np.ascontiguousarray(values[:height, :width])).permute(2, 0, 1).unsqueeze(0)
        for values in (sample.noisy, sample.truth.astype(np.float32) / 255)
    )
    planes = planes_of(white_condition(sample.level, grey=grey))
    change = torch.zeros_like(noisy)
    for _ in range(STEPS):
        change.requires_grad_(True)
        result = model.network((noisy + change).expand(-1, 3, -1, -1), planes)
        if grey:
            result = result.mean(dim=1, keepdim=True)
        error = (result - truth).square().mean()
        (gradient,) = torch.autograd.grad(error, change)
        change = (change.detach() + _STRIDE * gradient.sign()).clamp(-BUDGET, BUDGET)
    moves = np.zeros_like(sample.noisy)
    moves[:height, :width] = change[0].permute(1, 2, 0).numpy()
    return _moved(sample, moves)


def _moved(sample: Sample, moves: Values) -> Sample:
    noisy = sample.noisy + moves
    return dataclasses.replace(sample, noisy=noisy, source=from_numpy(noisy))


SIDE = 256  # pixels of each crop, since there are many kinds of degradation
TITLE = f"Robustness: crops of {SIDE} pixels, as 8-bit files, automatic unless given"

_LEVEL = 25.0  # of the white noise with a wrong level, or attacked
_WRONG = 0.3  # as share of the level
_ATTACK_SIDE = 128  # the attack runs backwards through the network, several times
_BLUR = 1.5  # pixels, as sigma: clearly out of focus

Noise = Callable[[Tensor, torch.Generator], Tensor]  # (1, C, H, W) in 0..1, clean to noisy


@dataclass(frozen=True, slots=True)
class Degradation:
    """The noise that is added, blur before it, and JPEG after it."""

    what: str
    add: Noise
    blurred: bool = False
    jpeg: int | None = None


def _white(sigma: float) -> Noise:
    return lambda clean, generator: simple.add_white(clean, sigma, generator)


def _mixed(clean: Tensor, generator: torch.Generator) -> Tensor:
    return simple.add_salt_and_pepper(simple.add_white(clean, 15, generator), 0.02, generator)


def _stripes(clean: Tensor, generator: torch.Generator) -> Tensor:
    rows = torch.randn((1, 1, clean.shape[2], 1), generator=generator, dtype=clean.dtype)
    return clean + rows * (10 / 255)


DEGRADATIONS = (
    Degradation("white 25", _white(25)),
    *(Degradation(f"white 25, then JPEG {quality}", _white(25), jpeg=quality) for quality in (90, 70, 50, 30)),
    Degradation("out of focus, then white 15", _white(15), blurred=True),
    Degradation("white 15 and 2 % salt and pepper", _mixed),
    Degradation("salt and pepper, 5 %", lambda clean, dice: simple.add_salt_and_pepper(clean, 0.05, dice)),
    Degradation("Poisson, 60 photons at white", lambda clean, dice: simple.add_poisson(clean, 60.0, dice)),
    Degradation("speckle, 50 at white", lambda clean, dice: simple.add_speckle(clean, 50.0, dice)),
    Degradation("stripes, 10 from row to row", _stripes),
)


def table(
    session: Session,
    folder: Path,
    *,
    model: LoadedModel,
    limit: int | None,
    progress: Callable[[str], None],
    cancel: CancelToken,
) -> list[Score]:
    """One score for each degradation; *model* is the model of *session*, for the attack."""
    automatic = as_set(session, cancel, noise_level=None)
    clean = centre(untouched_set(folder, limit=limit), SIDE)
    entered = [(_degraded(clean, degradation), automatic) for degradation in DEGRADATIONS]
    white = white_set(folder, _LEVEL, limit=limit)
    for factor in (1, 1 - _WRONG, 1 + _WRONG):
        what = f"white {_LEVEL:g}, given {factor * _LEVEL:g}"
        samples = dataclasses.replace(centre(white, SIDE), what=what)
        entered.append((samples, given_level(session, cancel, factor=factor)))
    given = given_level(session, cancel)
    entered += [(samples, given) for samples in _attacked(centre(white, _ATTACK_SIDE), model)]
    return [score(samples, [method], progress=progress, cancel=cancel)[0] for samples, method in entered]


def _degraded(clean: SampleSet, degradation: Degradation) -> SampleSet:
    def load(number: int) -> Sample:
        sample = clean.load(number)
        truth = _out_of_focus(sample.truth) if degradation.blurred else sample.truth
        generator = torch.Generator().manual_seed(seed_of(sample.name, degradation.what))
        file = as_file(_as_array(degradation.add(_as_tensor(truth), generator)))
        if degradation.jpeg is not None:
            encoded = imageio.encode(from_numpy(file), "jpeg", WriteOptions(quality=degradation.jpeg))
            file = imageio.read_bytes(encoded, "crop.jpg").pixels
        return Sample(sample.name, truth, as_values(file), from_numpy(file))

    return SampleSet(degradation.what, "trouble", clean.names, load)


def _attacked(white: SampleSet, model: LoadedModel) -> list[SampleSet]:
    """White noise of known level, plus invisible changes: none, random ones, and adversarial ones."""
    what, step = f"white {_LEVEL:g}, crops of {_ATTACK_SIDE}", f"±{BUDGET * 255:g}/255"
    loads = {
        what: white.load,
        f"{what}, {step} by chance": lambda number: random_nearby(white.load(number)),
        f"{what}, {step} by attack": lambda number: worst_nearby(model, white.load(number)),
    }
    return [dataclasses.replace(white, what=title, load=load) for title, load in loads.items()]


def _out_of_focus(truth: Truth) -> Truth:
    radius = round(3 * _BLUR)
    places = torch.arange(-radius, radius + 1, dtype=torch.float32)
    window = torch.exp(-0.5 * (places / _BLUR) ** 2)
    window /= window.sum()
    planes = _as_tensor(truth).transpose(0, 1)  # each channel on its own
    planes = functional.pad(planes, (radius,) * 4, mode="replicate")
    planes = functional.conv2d(planes, window.reshape(1, 1, 1, -1))
    planes = functional.conv2d(planes, window.reshape(1, 1, -1, 1))
    return as_file(_as_array(planes.transpose(0, 1)))


def _as_tensor(truth: Truth) -> Tensor:
    return torch.from_numpy(as_values(truth)).permute(2, 0, 1).unsqueeze(0)


def _as_array(image: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return image[0].permute(1, 2, 0).contiguous().numpy()
