"""bf16 tried against fp32 on this very machine: how fast it is, and how far off.

It is twice as fast where a processor has good instructions for it, slow where it only knows them, and wrong in some
builds. So nothing is believed: a small tile goes through the network in both, in turn. On a machine that is busy
with other work even the best of some tries says little: then the verdict is for this time, and not remembered.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from denoiser.engine.device import Choice
from denoiser.engine.runner import exactly
from denoiser.networks.conditioning import Condition

_TILE = {"cpu": 128, "cuda": 512, "mps": 512}  # a few hundredths of a second each
_PAYS_BELOW = 0.8  # of the time of fp32: less gain is not worth the rounding
_ROUNDS = 4  # after one that warms up
_HOPELESS_ABOVE = 3.0  # times as long in the first two rounds: there are no more
_STARVED_BELOW = 0.7  # of its time that this thread had a core; it waits where another thread has none
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
    disturbed: bool = False  # by other work on this machine

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
    times: dict[str, list[float]] = {"fp32": [], "bf16": []}
    results = dict.fromkeys(times, noisy)
    clock, on_core = time.perf_counter(), time.thread_time()
    while len(times["bf16"]) < 2 or (len(times["bf16"]) <= _ROUNDS and not _hopeless(times)):
        for precision in times:
            results[precision], seconds = _timed(network, noisy, planes, precision)
            times[precision].append(seconds)
    got = (time.thread_time() - on_core) / (time.perf_counter() - clock)
    steps = (results["bf16"] - results["fp32"]).abs() * 255
    return Trial(
        min(times["fp32"][1:]),
        min(times["bf16"][1:]),
        float(steps.square().mean().sqrt()),
        float(steps.max()),
        disturbed=device == "cpu" and got < _STARVED_BELOW,
    )


def _hopeless(times: dict[str, list[float]]) -> bool:
    return min(times["bf16"]) > _HOPELESS_ABOVE * min(times["fp32"])


@torch.inference_mode()
def _timed(network: nn.Module, noisy: Tensor, planes: Tensor, precision: str) -> tuple[Tensor, float]:
    """The result, and how long it took."""
    with exactly(noisy.device.type, precision):
        began = time.perf_counter()
        result = network(noisy, planes).float()
        if noisy.device.type == "cuda":
            torch.cuda.synchronize()
        return result, time.perf_counter() - began
