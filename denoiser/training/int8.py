"""Makes the int8 version of a dense autoencoder from clean photos, without training; `networks.int8` runs it.

- **Steps of activations.** The range of each channel (its 99.99th percentile) and the size of its kernels share the
  step: channels with a small range get a finer one. One factor per layer then minimises the squared error.
- **Kernels.** Each weight is rounded in turn, and the error is corrected in those that follow, weighted by the
  covariance of the inputs (GPTQ: Frantar et al., ICLR 2023). Most of it is brightness. The limit of two neighbours
  is part of the rounding, so what it takes away is corrected too.
- **Fine layers.** Each layer is quantised alone; where the image changes by more than 0.09 8-bit steps, its
  activations get 16 bits.
- **Samples.** White noise and the noise of cameras in turn: without the latter, the weights of its condition are
  rounded without correction, and real photos become brighter or darker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of
from denoiser.networks.int8 import LARGEST, LARGEST_PAIR, Int8Layer, can_be_fine, is_signed, quantisable
from denoiser.networks.pyramid import DenseAutoencoder
from denoiser.training.degrade import Batch, degrade
from denoiser.training.recipe import NoiseShares

_SIGMAS = (1.0, 2.0, 5.0, 10.0, 15.0, 25.0, 35.0, 50.0, 65.0, 75.0)
_BLIND = 4  # one in so many samples of white noise has no level
_CAMERAS = NoiseShares(white=0.0, camera=0.8, shaped=0.1, clean=0.1, mismatch=0.12)
_POSITIONS = 1024  # of a layer that are used from each sample
_TESTED = 12  # samples on which each layer is tested alone
_KEPT = 384  # of these, kept to choose the step
_MIGRATION = 0.65  # how much of the range of a channel goes into its step; the rest into the kernel
_DAMPING = 0.005  # of the mean variance, added to the covariance
_RANGES = (0.75, 0.85, 0.92, 1.0, 1.1, 1.2, 1.3, 1.4, 1.55, 1.7, 2.0)  # tried, relative to the largest weight
_BLOCK = 64  # weights that are rounded before all others are corrected
_CLIPS = np.linspace(0.2, 1.05, 35)  # tried for the range of activations
_MOST_ALONE = 0.09  # RMS in 8-bit steps
# Saturated edges and the strongest noise exceed the range of photos: without room, pixels are wrong by 10 steps.
_ROOM, _ROOM_OF_FINE = 1.3, 16.0
_MOST_ANYWHERE = 5.0  # 8-bit steps at any level; a fine layer beyond it stays in fp32

Matrix = NDArray[np.float64]
Progress = Callable[[str, float], None]


@dataclass(slots=True)
class _Seen:
    """The inputs of a layer: their covariance as (C h w)², and a sample (C, N)."""

    covariance: Tensor
    samples: list[Tensor]


@torch.inference_mode()
def quantised(
    network: DenseAutoencoder, crops: Sequence[Tensor], progress: Progress = lambda _name, _error: None
) -> dict[str, Int8Layer]:
    """The layers of *network* in integers, from clean *crops* (3, H, W) in 0..1 whose sides are multiples of 8.

    *progress* receives each layer and the RMS that it costs alone, in 8-bit steps. Layers that even 16 bits make
    visible are left out.
    """
    convolutions = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)}
    names = quantisable(convolutions)
    samples = _samples(crops)
    seen, outputs = _inputs(network, {name: convolutions[name] for name in names}, samples)
    tested = list(zip(samples, outputs, strict=True))[:_TESTED]

    def errors(name: str, layer: Int8Layer) -> tuple[float, float]:
        """RMS and largest error of the image with that layer alone, in 8-bit steps."""
        with simulated(convolutions[name], layer, is_signed(name)):
            found = torch.cat([(_clean(network, sample) - exact).flatten() for sample, exact in tested]) * 255
        return float(found.square().mean().sqrt()), float(found.abs().max())

    layers = {}
    for name in names:
        layer = _layer(name, convolutions[name].weight, seen.pop(name))
        alone, _ = errors(name, layer)
        layer = _widened(replace(layer, fine=alone > _MOST_ALONE and can_be_fine(layer.kernel)))
        progress(name, alone)
        if not layer.fine or errors(name, layer)[1] <= _MOST_ANYWHERE:
            layers[name] = layer
    return layers


def _widened(layer: Int8Layer) -> Int8Layer:
    factor = np.float32(_ROOM_OF_FINE if layer.fine else _ROOM)
    return replace(layer, step=layer.step * factor, scale=layer.scale * factor)


@contextmanager
def simulated(layer: nn.Conv2d, numbers: Int8Layer, signed: bool) -> Iterator[None]:
    """Context in which *layer* computes with rounded inputs and kernels, in fp32."""
    step = torch.from_numpy(numbers.step).reshape(1, -1, 1, 1)
    least, most = (-128, 127) if signed else (0, 255)

    def rounded(_layer: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        whole = (inputs[0] / step).round().clamp(least, most)
        if numbers.fine:
            rest = (256 * (inputs[0] / step - whole)).round().clamp(-128, 127)
            whole = whole + rest / 256
        return (whole * step,)

    before, hook = layer.weight.data, layer.register_forward_pre_hook(rounded)
    kernel = torch.from_numpy(numbers.kernel).float() * torch.from_numpy(numbers.scale).reshape(-1, 1, 1, 1)
    layer.weight.data = kernel / step
    try:
        yield
    finally:
        layer.weight.data = before
        hook.remove()


def _samples(crops: Sequence[Tensor]) -> list[Batch]:
    """A sample for each crop, in turn white noise of some level and what cameras leave."""
    generator = torch.Generator().manual_seed(0)
    samples = []
    for index, crop in enumerate(crops):
        clean = crop.unsqueeze(0)
        if index % 2:
            samples.append(degrade(clean, _CAMERAS, generator))
            continue
        sigma = _SIGMAS[index // 2 % len(_SIGMAS)]
        noisy = clean + torch.randn(clean.shape, generator=generator) * (sigma / 255)
        known = index // 2 // len(_SIGMAS) % _BLIND != _BLIND - 1
        samples.append(Batch(noisy, clean, planes_of(Condition(sigma, sigma, 0.0) if known else Condition())))
    return samples


def _inputs(
    network: nn.Module, convolutions: dict[str, nn.Conv2d], samples: Sequence[Batch]
) -> tuple[dict[str, _Seen], list[Tensor]]:
    """The inputs of each layer, and the outputs of the network."""
    generator = torch.Generator().manual_seed(1)
    current: dict[str, Tensor] = {}
    seen: dict[str, _Seen] = {}
    outputs = []

    def hook_of(name: str) -> Callable[[nn.Module, tuple[Tensor]], None]:
        return lambda _layer, inputs: current.__setitem__(name, inputs[0])

    hooks = [layer.register_forward_pre_hook(hook_of(name)) for name, layer in convolutions.items()]
    try:
        for sample in samples:
            outputs.append(_clean(network, sample))
            error = (outputs[-1] - sample.target).square().mean().clamp_min((0.5 / 255) ** 2)
            for name, layer in convolutions.items():
                x = current[name][0]
                patches = _patches(x, layer, generator)
                # As in PSNR, an error counts relative to what is wrong anyway: smooth images count more.
                covariance = patches @ patches.T / (error * _POSITIONS)
                flat = x.flatten(1)
                few = flat[:, torch.randint(flat.shape[1], (_KEPT,), generator=generator)]
                if name not in seen:
                    seen[name] = _Seen(torch.zeros_like(covariance), [])
                seen[name].covariance += covariance
                seen[name].samples.append(few)
    finally:
        for hook in hooks:
            hook.remove()
    return seen, outputs


def _clean(network: nn.Module, sample: Batch) -> Tensor:
    clean: Tensor = network(sample.input.contiguous(memory_format=torch.channels_last), sample.planes)
    return clean


def _patches(x: Tensor, layer: nn.Conv2d, generator: torch.Generator) -> Tensor:
    """What the kernel of *layer* sees of *x* (C, H, W) at random positions (C h w, N)."""
    size, stride = layer.kernel_size[0], layer.stride[0]
    padded = functional.pad(x, [0 if stride == size else size // 2] * 4)
    row, column = (
        torch.randint(length // stride, (_POSITIONS,), generator=generator) * stride for length in x.shape[1:]
    )
    taps = [padded[:, row + down, column + right] for down in range(size) for right in range(size)]
    return torch.stack(taps, dim=1).flatten(0, 1)


def _layer(name: str, weight: Tensor, seen: _Seen) -> Int8Layer:
    kernel = weight.numpy().astype(np.float64)
    samples = torch.cat(seen.samples, dim=1).numpy().astype(np.float64)
    step = _steps(kernel, samples, is_signed(name))
    ints, scale = _rounded_kernel(kernel, seen.covariance.numpy().astype(np.float64), step)
    return Int8Layer(ints.astype(np.int8), scale.astype(np.float32), step.astype(np.float32))


def _steps(kernel: Matrix, samples: Matrix, signed: bool) -> Matrix:
    """The quantisation step of each channel."""
    reach = np.quantile(np.abs(samples), 0.9999, axis=1).clip(1e-3)
    relative = reach**_MIGRATION / np.abs(kernel).max(axis=(0, 2, 3)).clip(1e-6) ** (1 - _MIGRATION)
    scaled = samples / relative[:, np.newaxis]
    weight = np.square(kernel * relative[:, np.newaxis, np.newaxis]).sum(axis=(0, 2, 3))
    levels = 127 if signed else 255
    largest = np.abs(scaled).max()

    def error(clip: float) -> float:
        step = largest * clip / levels
        rounded = np.clip(np.round(scaled / step), -levels if signed else 0, levels) * step
        return float((weight[:, np.newaxis] * (rounded - scaled) ** 2).mean())

    steps: Matrix = relative * largest * min(_CLIPS, key=error) / levels
    return steps


def _rounded_kernel(kernel: Matrix, covariance: Matrix, step: Matrix) -> tuple[Matrix, Matrix]:
    """The kernel times the steps of its inputs, in integers, and the scale of each output."""
    outputs, channels, height, width = kernel.shape
    steps = np.repeat(step, height * width)
    weights = kernel.reshape(outputs, -1) * steps
    covariance = covariance / np.outer(steps, steps)
    covariance += np.eye(len(covariance)) * np.diag(covariance).mean() * _DAMPING
    order = np.argsort(-np.diag(covariance))  # the most important first, while others can still correct
    weights, covariance = weights[:, order], covariance[np.ix_(order, order)]
    channel, tap = np.divmod(order, height * width)
    neighbours = np.argsort(order)[(channel ^ 1).clip(max=channels - 1) * height * width + tap]
    inverse = np.linalg.inv(covariance)
    correction: Matrix = np.linalg.cholesky((inverse + inverse.T) / 2).T.astype(np.float64)
    tried = np.outer(_RANGES, np.abs(weights).max(axis=1).clip(1e-9) / LARGEST)
    ints = _rounded_in_turn(np.tile(weights, (len(_RANGES), 1)), correction, tried.reshape(-1, 1), neighbours)
    ints = ints.reshape(len(_RANGES), *weights.shape)
    wrong = ints * tried[:, :, np.newaxis] - weights
    best = np.einsum("roi,roi->ro", wrong @ covariance, wrong).argmin(axis=0), np.arange(outputs)
    restored = np.empty_like(weights)
    restored[:, order] = ints[best]
    return restored.reshape(kernel.shape), tried[best]


def _rounded_in_turn(weights: Matrix, correction: Matrix, scale: Matrix, neighbours: NDArray[np.int64]) -> Matrix:
    """*weights* (N, I) in integers of *scale* (N, 1); with its neighbour, none exceeds LARGEST_PAIR."""
    left, ints = weights / scale, np.zeros_like(weights)
    for begin in range(0, weights.shape[1], _BLOCK):
        block = slice(begin, begin + _BLOCK)
        wrong = np.zeros_like(left[:, block])
        for index in range(wrong.shape[1]):
            place = begin + index
            most = np.minimum(LARGEST, LARGEST_PAIR - np.abs(ints[:, neighbours[place]]))
            ints[:, place] = np.clip(np.round(left[:, place]), -most, most)
            wrong[:, index] = (left[:, place] - ints[:, place]) / correction[place, place]
            left[:, place + 1 : block.stop] -= np.outer(wrong[:, index], correction[place, place + 1 : block.stop])
        left[:, block.stop :] -= wrong @ correction[block, block.stop :]
    return ints
