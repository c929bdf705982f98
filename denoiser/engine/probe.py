"""bf16 tried against fp32 on this very machine: how fast it is, and how far off.

It is twice as fast where a processor has good instructions for it, slow where it only knows them, and wrong in some
builds. So nothing is believed: a small tile goes through the network in both.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from denoiser.engine.device import Choice
from denoiser.engine.runner import exactly
from denoiser.networks.conditioning import Condition

_TILE = {"cpu": 128, "cuda": 512, "mps": 512}  # a few hundredths of a second each
_PAYS_BELOW = 0.8  # of the time of fp32: less gain is not worth the rounding
_HOPELESS_ABOVE = 3.0  # no second try
_SIGMA = 25.0
# 8-bit steps. 0.35 of rounding costs 0.02 dB beside the 5 steps of error of a good result (34 dB).
_MOST_RMS = 0.35
_MOST_ANYWHERE = 3.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What was measured: times of one tile in seconds, differences from fp32 in 8-bit steps."""

    fp32_seconds: float
    bf16_seconds: float
    rms: float
    largest: float

    def verdict(self) -> Choice:
        """The precision to take, and why."""
        speed = self.fp32_seconds / self.bf16_seconds
        if not (self.rms <= _MOST_RMS and self.largest <= _MOST_ANYWHERE):  # NaN fails as well
            return Choice("fp32", f"bf16 differs by up to {self.largest:.2g} steps here")
        if self.bf16_seconds > _PAYS_BELOW * self.fp32_seconds:
            return Choice("fp32", f"bf16 has {speed:.2g} times the speed of fp32 here")
        return Choice("bf16", f"{speed:.2g} times the speed of fp32 here")


def measure(network: nn.Module, device: str) -> Trial:
    """Sends one noisy tile through *network*, which is on *device*, in both precisions."""
    generator = torch.Generator().manual_seed(0)
    side = _TILE[device]
    ramp = torch.linspace(0.1, 0.9, side).expand(1, 3, side, side)
    noise = torch.randn(1, 3, side, side, generator=generator) * (_SIGMA / 255)
    noisy = (ramp + noise).to(device).contiguous(memory_format=torch.channels_last)
    planes = Condition(_SIGMA, _SIGMA, 0.0).planes().reshape(1, -1, 1, 1).to(device)
    exact, fp32_seconds = _timed(network, noisy, planes, "fp32", give_up_after=math.inf)
    rounded, bf16_seconds = _timed(network, noisy, planes, "bf16", give_up_after=_HOPELESS_ABOVE * fp32_seconds)
    steps = (rounded - exact).abs() * 255
    return Trial(fp32_seconds, bf16_seconds, float(steps.square().mean().sqrt()), float(steps.max()))


@torch.inference_mode()
def _timed(
    network: nn.Module, noisy: Tensor, planes: Tensor, precision: str, *, give_up_after: float
) -> tuple[Tensor, float]:
    """The result, and the best time of three after one that warms up; of one where that was hopeless already."""
    times: list[float] = []
    with exactly(noisy.device.type, precision):
        while len(times) < 4 and (not times or times[0] < give_up_after):
            began = time.perf_counter()
            result: Tensor = network(noisy, planes).float()
            if noisy.device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
    return result, min(times[1:] or times)
