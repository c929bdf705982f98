"""Inference on this machine: device, precision, speed, and what limits it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from denoiser.engine.device import choose, hardware_name
from denoiser.engine.memory import free_bytes
from denoiser.engine.session import Session
from denoiser.engine.torch_network import fast_bf16
from denoiser.errors import MissingDevice
from denoiser.image import Image, from_numpy
from denoiser.models import catalog
from denoiser.options import DenoiseOptions
from denoiser.training.loop import peak_flops
from denoiser_cli.health.machine import graphics_cards
from denoiser_cli.health.page import REPORT, Section

MODEL = "fast"  # installed everywhere, so results are comparable
_SIDE = 1024  # pixels: about one megapixel
_SIGMA = 25.0
_WARM_UP = 256  # pixels
_SECONDS = 4.0  # no further pass starts after this
_PASSES = 3
_LOW_MEMORY = 2e9  # bytes: a 24 MP photo, its result and the tiles
_LEAST_CPU_SHARE = 0.7  # of the available CPU time
_LEAST_PEAK_SHARE = 0.3  # below this share of the convolution peak the cause is unknown


@dataclass(frozen=True, slots=True)
class Speed:
    """Measured on the test image."""

    megapixels_per_second: float
    share_of_peak: float  # of the speed of one dense convolution on this device in this precision; bf16 for int8
    peak_flops: float
    cpu_share: float  # of the available CPU time; 1 on a GPU


def examine_network() -> Section:
    """Return devices, precision, tiles, memory and speed."""
    section = Section()
    session = Session(DenoiseOptions(model=MODEL, noise_level=_SIGMA))
    device = session.device
    faults = {name: _fault(name) for name in ("cpu", "cuda", "mps")}
    section.fact("devices", [name for name, fault in faults.items() if not fault])
    section.fact("device", device, f"{device} ({session.device_reason}): {hardware_name(device)}")
    section.fact("precision", session.precision, f"{session.precision} ({session.precision_reason})")
    if device == "cpu":
        explain_unused_card(section, graphics_cards()[0], torch.version.cuda, faults["cuda"])
    section.fact("model", catalog.find("auto", device).name)
    section.fact("tile", session.tile, f"{session.tile} pixels, batch size {session.batch_size}")
    free = free_bytes(device)
    section.fact("free_memory_gb", round(free / 1e9, 1), f"{free / 1e9:.1f} GB on {device}")
    speed = _measured(session)
    words = f"{speed.megapixels_per_second:.2f} MP/s (denoiser-fast, test image of 1 MP)"
    section.fact("megapixels_per_second", round(speed.megapixels_per_second, 3), words)
    words = f"{speed.share_of_peak:.0%} of the convolution peak of {speed.peak_flops / 1e9:.0f} GFLOP/s"
    section.fact("share_of_peak", round(speed.share_of_peak, 3), words)
    explain_speed(section, device, session.precision, speed, free=free)
    return section


def explain_unused_card(section: Section, cards: Sequence[str], built_for: str | None, fault: str) -> None:
    """Explain why the CPU is used: no GPU, or torch cannot use it."""
    if not cards:
        section.remark("The CPU is used: torch found no GPU.")
    elif built_for is None:
        text = f"A GPU is installed ({cards[0]}), but this torch build is CPU only."
        section.remark(text, "Install the CUDA build: `pip install --force-reinstall torch torchvision`.")
    else:
        text = f"A GPU is installed ({cards[0]}), but torch for CUDA {built_for} cannot use it: {fault}."
        section.remark(text, "The driver may be too old for this CUDA version. Update the driver.")


def explain_speed(section: Section, device: str, precision: str, speed: Speed, *, free: int) -> None:
    """Explain what limits the speed, most important first."""
    if device == "cpu" and precision == "fp32" and not fast_bf16():
        section.remark(
            "This processor has no bf16 instructions (avx512_bf16 or amx_bf16), so fp32 is used; "
            "processors with bf16 are up to twice as fast."
        )
    if speed.cpu_share < _LEAST_CPU_SHARE:
        section.remark(
            f"Other programs used {1 - speed.cpu_share:.0%} of the CPU time during the test.",
            "The machine is faster than measured; run the test again when it is idle.",
        )
    elif speed.share_of_peak < _LEAST_PEAK_SHARE and device == "cpu":
        section.remark(f"Only {speed.share_of_peak:.0%} of the convolution peak, for an unknown reason.", REPORT)
    if free < _LOW_MEMORY:
        text = f"Only {free / 1e9:.1f} GB of memory are free, so tiles and batches are small."
        section.remark(text, "Close other programs.")


def _fault(device: str) -> str:
    """Return why *device* cannot be used, or an empty string."""
    try:
        choose(device)
    except MissingDevice as error:
        return error.message.rstrip(".")
    return ""


def _measured(session: Session) -> Speed:
    image = _test_image()
    session.clean(image.with_pixels(image.pixels[:_WARM_UP, :_WARM_UP]))  # warm-up: kernels are chosen
    took, cpu_share, began = float("inf"), 0.0, time.perf_counter()
    for _ in range(_PASSES):
        wall, processor = time.perf_counter(), time.process_time()
        session.clean(image)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        if wall < took:
            took, cpu_share = wall, min(1.0, processor / (wall * torch.get_num_threads()))
        if time.perf_counter() - began > _SECONDS:
            break
    in_bf16 = session.precision == "bf16" or (session.precision == "int8" and fast_bf16())
    peak = peak_flops(torch.device(session.device), bf16=in_bf16)
    flops = 2 * session.spec.kmac_per_pixel * 1e3 * image.megapixels * 1e6 / took  # two operations per MAC
    return Speed(image.megapixels / took, flops / peak, peak, cpu_share if session.device == "cpu" else 1.0)


def _test_image() -> Image:
    ramp = np.linspace(40, 210, _SIDE, dtype=np.float32)
    clean = (ramp[:, np.newaxis] + ramp[np.newaxis, :]) / 2
    noise = np.random.default_rng(0).normal(0, _SIGMA, (_SIDE, _SIDE, 3))
    return from_numpy((clean[:, :, np.newaxis] + noise).clip(0, 255).astype(np.uint8))
