"""Runs analysis and synthesis on a device, one tile at a time."""

from __future__ import annotations

import threading

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from denoiser.codec.entropy.integer import multiply_int8_with
from denoiser.codec.model import CodecModel
from denoiser.engine.device import choose
from denoiser.engine.torch_network import choose_precision, exactly
from denoiser.networks.codec.latent_codec import LatentCodec
from denoiser.networks.codec.levels import LEVELS
from denoiser.networks.codec.transforms import Folded
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of

Values = NDArray[np.float32]

_MOST_SYNTHESES = 8  # kept


class Transform:
    """The float networks of one codec on one device. Thread-safe; calls are serialised."""

    def __init__(self, model: CodecModel, device: str = "auto", precision: str = "auto") -> None:
        self.device = choose(device).name
        self._network = model.network.transforms_on(self.device)
        chosen = choose_precision(precision, self.device, _ThereAndBack(self._network))
        self.precision, self.reason = chosen.name, chosen.reason
        # The receptive fields; with this overlap a tile has the same pixels as in the whole image.
        self.analysis_halo, self.synthesis_halo = model.network.reach()
        self._turn = threading.Lock()
        clean = planes_of(Condition(0.0, 0.0)).flatten(1).to(self.device)
        self._analysis = Folded(self._network.analysis, clean)
        self._syntheses: dict[int, Folded] = {}  # by quality step; a few MB each

    def analyse(self, pixels: Values) -> Values:
        """Latents (N, H/16, W/16) of *pixels* (H, W, 3) in 0..1, sides multiples of 64."""
        folded = torch.from_numpy(np.require(pixels, requirements=["C", "W"])).permute(2, 0, 1)[None]
        with self._turn, torch.inference_mode(), exactly(self.device, self.precision):
            y: Tensor = self._analysis(folded.to(self.device))
            found: Values = y[0].float().cpu().numpy()
        return found

    def synthesise(self, latents: Values, level: int) -> Values:
        """Pixels (16 h, 16 w, 3), not clipped, of *latents* (N, h, w) in quantiser steps of that quality."""
        known = torch.from_numpy(np.require(latents, requirements=["C", "W"]))[None]
        with self._turn, torch.inference_mode(), exactly(self.device, self.precision):
            pixels = self._decode(known.to(self.device), level)
            found: Values = pixels[0].permute(1, 2, 0).float().cpu().contiguous().numpy()
        return found

    def squared_error(self, latents: Values, pixels: Values, level: int) -> tuple[float, Values]:
        """Squared error of the decoded *latents* (N, h, w) against *pixels* (16 h, 16 w, 3), and its gradient."""
        known = (
            torch.from_numpy(np.require(latents, requirements=["C", "W"]))[None].to(self.device).requires_grad_()
        )
        wanted = (
            torch.from_numpy(np.require(pixels, requirements=["C", "W"])).permute(2, 0, 1)[None].to(self.device)
        )
        with self._turn, torch.enable_grad(), exactly(self.device, self.precision):
            decoded = self._decode(known, level)
            error = (decoded.float() - wanted).square().sum()
            (gradient,) = torch.autograd.grad(error, known)
        return float(error.detach()), gradient[0].float().cpu().numpy()

    def _decode(self, known: Tensor, level: int) -> Tensor:
        number = torch.tensor([level], device=self.device)
        if level not in self._syntheses:
            if len(self._syntheses) == _MOST_SYNTHESES:
                self._syntheses.clear()
            conditioning = self._network.level_conditioning[number]
            self._syntheses[level] = Folded(self._network.synthesis, conditioning)
        pixels: Tensor = self._syntheses[level](self._network.gains.restore(known, number))
        return pixels


class _ThereAndBack(nn.Module):
    """Analysis followed by synthesis, to compare precisions."""

    def __init__(self, network: LatentCodec) -> None:
        super().__init__()
        self.network = network

    def forward(self, noisy: Tensor, planes: Tensor) -> Tensor:
        level = torch.full((len(noisy),), LEVELS // 2, device=noisy.device)
        latents = self.network.gains.scale(self.network.analysis(noisy, planes), level)
        return self.network.decode(latents, level)


def _int8_product(left: NDArray[np.int8], right: NDArray[np.int8]) -> NDArray[np.int32]:
    tensors = (torch.from_numpy(np.require(one, requirements=["C", "W"])) for one in (left, right))
    found: NDArray[np.int32] = torch._int_mm(*tensors).numpy()
    return found


# Other processors have no fast products of int8.
if hasattr(torch, "_int_mm") and torch.backends.cpu.get_cpu_capability() == "AVX512":
    multiply_int8_with(_int8_product)
