"""Device and inference precision: as requested, or the best by a measurement that is cached for this machine.

bf16 is twice as fast as fp32 on processors with bf16 instructions, slow on others, and wrong in some builds.
Therefore a small tile is computed in both, alternating, and the results are compared. If the machine is busy, the
choice is not cached.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from denoiser.atomicfile import whole_file
from denoiser.engine.runner import exactly
from denoiser.errors import MissingDevice, UnwritableImage
from denoiser.networks.conditioning import Condition, NetworkSpec


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice and its reason, for reports."""

    name: str
    reason: str


def choose(wish: str) -> Choice:
    """The device of that name, or the fastest one that can be used for "auto".

    Raises MissingDevice if a named device is not usable; it is never replaced silently.
    """
    if wish == "cuda":
        _require(_cuda_fault(), "CUDA device")
    elif wish == "mps" and not torch.backends.mps.is_available():
        _require("torch does not support it", "Apple GPU")
    if wish != "auto":
        return Choice(wish, "as requested")
    if not torch.cuda.is_available():
        return Choice("cpu", "no CUDA device found")
    fault = _cuda_fault()
    if fault:
        return Choice("cpu", f"the CUDA device is not usable: {fault}")
    return Choice("cuda", torch.cuda.get_device_name())


def choose_device(wish: str) -> str:
    """The name of the device that `choose` returns."""
    return choose(wish).name


@functools.cache
def fast_bf16() -> bool:
    """Whether this CPU has instructions for bf16; without them it is several times slower than fp32."""
    ask = getattr(torch.cpu, "get_capabilities", dict)  # missing in the oldest supported torch
    can: Mapping[str, object] = ask()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))  # not tested on ARM


def lacks_bf16() -> bool:
    """Whether bf16 is emulated on this machine, ten times slower than fp32, and need not be measured."""
    return platform.machine().lower() in ("x86_64", "amd64") and not fast_bf16()


@functools.cache
def hardware_name(device: str) -> str:
    """Product name of the processor or graphics card."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


@functools.cache
def _cuda_fault() -> str:
    """Why CUDA is not usable, in one line; empty if it is. Runs an operation to find broken drivers."""
    if not torch.cuda.is_available():
        return "the installed torch finds none"
    try:
        torch.ones(8, device="cuda").sum().item()
    except RuntimeError as error:
        return str(error).strip().splitlines()[0]
    return ""


def _require(fault: str, what: str) -> None:
    if fault:
        raise MissingDevice(f"No usable {what} on this machine: {fault}.")


CACHE_VARIABLE = "DENOISE_CACHE"  # environment variable for the cache folder
_FORM = 2  # version of cache entries; others are measured again


class Tried(Protocol):
    """A network that can be measured: takes noisy images and conditioning planes."""

    @property
    def network(self) -> nn.Module: ...

    @property
    def spec(self) -> NetworkSpec: ...


def choose_precision(wish: str, device: str, model: Tried, *, cache: Path | None = None) -> Choice:
    """fp32 or bf16, with the reason. "auto" uses the cached measurement, or measures."""
    if wish != "auto":
        return Choice(wish, "as requested")
    if device == "mps":
        return Choice("fp32", "bf16 is not tested on Apple GPUs")
    if device == "cpu" and lacks_bf16():
        return Choice("fp32", "this processor has no bf16 instructions")
    file = (cache or cache_folder()) / "precision.json"
    key = _key(device, model)
    trial = _as_trial(_remembered(file).get(key))
    if trial is None:
        trial = measure(model.network, device)
        if not trial.disturbed:
            _remember(file, key, trial)
    return trial.verdict()


def cache_folder() -> Path:
    """The user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "denoise" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "denoise"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "denoise"


def _key(device: str, model: Tried) -> str:
    """A key of everything that affects the measurement."""
    network = f"{model.spec.kmac_per_pixel:.1f} kMAC per pixel, {model.spec.parameters} parameters"
    threads = f"{torch.get_num_threads()} threads"
    return f"torch {torch.__version__}; {device}: {hardware_name(device)}; {threads}; {network}"


def _remembered(file: Path) -> Mapping[str, Any]:
    try:
        words = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return words if isinstance(words, dict) else {}


def _as_trial(known: object) -> Trial | None:
    if not isinstance(known, list) or len(known) != 5 or known[0] != _FORM:
        return None
    if not all(isinstance(number, float) for number in known[1:]):
        return None
    return Trial(*known[1:])


def _remember(file: Path, key: str, trial: Trial) -> None:
    """Safe with several processes: the file is written atomically, and a lost entry is measured again."""
    figures = [_FORM, trial.fp32_seconds, trial.bf16_seconds, trial.rms, trial.largest]
    words = json.dumps({**_remembered(file), key: figures}, indent=1, ensure_ascii=False)
    try:
        with whole_file(file) as opened:
            opened.write(words.encode())
    except UnwritableImage:
        return  # without a writable cache the next session measures again


_TILE = {"cpu": 128, "cuda": 512, "mps": 512}  # a few hundredths of a second each
_PAYS_BELOW = 0.8  # of the time of fp32: a smaller gain is not worth the rounding error
_ROUNDS = 4  # after a warm-up round
_HOPELESS_ABOVE = 3.0  # times as long in the first two rounds: then no more rounds
_STARVED_BELOW = 0.7  # share of the time in which this thread had a core; below it the machine is busy
_SIGMA = 25.0
# 8-bit steps. 0.35 of rounding costs 0.02 dB beside the 5 steps of error of a good result (34 dB).
_MOST_RMS = 0.35
_MOST_ANYWHERE = 3.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A measurement: seconds per tile, differences from fp32 in 8-bit steps."""

    fp32_seconds: float
    bf16_seconds: float
    rms: float
    largest: float
    disturbed: bool = False  # by other work on this machine

    def verdict(self) -> Choice:
        """The precision to use, and the reason."""
        speed = self.fp32_seconds / self.bf16_seconds
        if not (self.rms <= _MOST_RMS and self.largest <= _MOST_ANYWHERE):  # NaN fails as well
            return Choice("fp32", f"bf16 differs by up to {self.largest:.2g} steps here")
        if self.bf16_seconds > _PAYS_BELOW * self.fp32_seconds:
            return Choice("fp32", f"bf16 has {speed:.2g} times the speed of fp32 here")
        return Choice("bf16", f"{speed:.2g} times the speed of fp32 here")


def measure(network: nn.Module, device: str) -> Trial:
    """Run *network*, which is on *device*, on one noisy tile in both precisions."""
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
    """The result and its time in seconds."""
    with exactly(noisy.device.type, precision):
        began = time.perf_counter()
        result = network(noisy, planes).float()
        if noisy.device.type == "cuda":
            torch.cuda.synchronize()
        return result, time.perf_counter() - began
