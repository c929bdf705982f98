"""The network on this machine: where it runs, what it reckons in, how fast it is, and why it is not faster."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from denoiser import models
from denoiser.engine import Session, open_session
from denoiser.engine.device import Choice, choose, hardware_name, lacks_bf16
from denoiser.engine.memory import free_bytes
from denoiser.engine.probe import measure
from denoiser.errors import MissingDevice
from denoiser.image import Image, from_numpy
from denoiser.options import DenoiseOptions
from denoiser.training.speed import peak_flops
from denoiser_cli.health.finding import Fact, Remark, Section
from denoiser_cli.health.machine import graphics_cards

MODEL = "fast"  # everyone has it, so that figures of different people compare
_SIDE = 1024  # pixels: about one megapixel
_SIGMA = 25.0
_WARM_UP = 256  # pixels
_SECONDS = 4.0  # after which no further pass is begun
_PASSES = 3
_LOW_MEMORY = 2e9  # bytes: a photo of 24 MP with its result and the tiles of the network
_STARVED_BELOW = 0.7  # of the processor time that its threads could have had
_PER_MAC = 2  # floating-point operations
_SHARE_TO_WONDER_AT = 0.3  # of what convolutions reach here; below it something is wrong that is not named yet


@dataclass(frozen=True, slots=True)
class Speed:
    """What the test picture showed."""

    megapixels_per_second: float
    share_of_peak: float  # of what one dense convolution reaches on this device in this precision
    peak_flops: float
    got: float  # of the processor time that the threads could have had; 1 on a graphics card


def examine() -> Section:
    """Devices, precision, tiles, memory and speed."""
    session = open_session(DenoiseOptions(model=MODEL, noise_level=_SIGMA))
    device = session.device
    offered = {name: _fault(name) for name in ("cpu", "cuda", "mps")}
    facts = [
        Fact("devices", [name for name, fault in offered.items() if not fault]),
        Fact("device", device, f"{device} ({session.device_reason}): {hardware_name(device)}"),
        Fact("precision", session.precision, f"{session.precision} ({session.precision_reason})"),
    ]
    probed, remarks = _probed(session)
    free = free_bytes(device)
    facts += [
        *probed,
        Fact("model", models.find("auto", device).name),
        Fact("tile", session.tile, f"{session.tile} pixels, {session.batch_size} at once"),
        Fact("free_memory_gb", round(free / 1e9, 1), f"{free / 1e9:.1f} GB on {device}"),
    ]
    speed = _measured(session)
    facts += [
        Fact(
            "megapixels_per_second",
            round(speed.megapixels_per_second, 3),
            f"{speed.megapixels_per_second:.2f} MP/s (denoiser-fast, a test picture of 1 MP)",
        ),
        Fact(
            "share_of_peak",
            round(speed.share_of_peak, 3),
            f"{speed.share_of_peak:.0%} of the {speed.peak_flops / 1e9:.0f} GFLOP/s that convolutions reach here",
        ),
    ]
    if device == "cpu":
        remarks = (unused_card(graphics_cards()[0], torch.version.cuda, offered["cuda"]), *remarks)
    return Section(facts, [*remarks, *why_slow(device, session.precision, speed, free=free)])


def unused_card(cards: Sequence[str], built_for: str | None, fault: str) -> Remark:
    """Why the processor does the work: there is no card, or this torch cannot use the one that is there."""
    if not cards:
        return Remark("The processor does the work, since there is no graphics card that torch can use.")
    if built_for is None:
        text = f"A graphics card is here ({cards[0]}), and the installed torch is built for processors only."
        return Remark(text, "`pip install --force-reinstall torch torchvision` brings the build for CUDA.")
    text = f"A graphics card is here ({cards[0]}), and torch for CUDA {built_for} cannot use it: {fault}."
    return Remark(text, "Most often the driver is older than that CUDA needs: update the driver.")


def why_slow(device: str, precision: str, speed: Speed, *, free: int) -> list[Remark]:
    """What holds this machine back, in plain words, the heaviest first."""
    remarks = []
    if device == "cpu" and precision == "fp32" and lacks_bf16():
        remarks.append(
            Remark(
                "This processor has no instructions for bf16 (avx512_bf16 or amx_bf16), so it reckons in fp32; "
                "those that have them are up to twice as fast."
            )
        )
    if speed.got < _STARVED_BELOW:
        remarks.append(
            Remark(
                f"During the test other programs took {1 - speed.got:.0%} of this program's processor time.",
                "The machine is faster than measured here; run this again when it is idle.",
            )
        )
    elif speed.share_of_peak < _SHARE_TO_WONDER_AT and device == "cpu":
        text = f"Only {speed.share_of_peak:.0%} of what convolutions reach here, for no reason that was found."
        remarks.append(Remark(text, "Please report it with this page."))
    if free < _LOW_MEMORY:
        text = f"Only {free / 1e9:.1f} GB of memory are free, so tiles are small and few pictures are under way."
        remarks.append(Remark(text, "Close other programs."))
    return remarks


def _fault(device: str) -> str:
    """Why *device* cannot be used; empty where it can."""
    try:
        choose(device)
    except MissingDevice as error:
        return error.message.rstrip(".")
    return ""


def _probed(session: Session) -> tuple[Sequence[Fact], Sequence[Remark]]:
    """bf16 tried against fp32, now; a session remembers what it found once, perhaps in a busy minute."""
    device = session.device
    if device == "mps" or (device == "cpu" and lacks_bf16()):
        return (), ()
    network = models.load(models.find(MODEL, device)).network.to(device).to(memory_format=torch.channels_last)
    trial = measure(network, device)
    words = (
        f"one tile takes {trial.fp32_seconds * 1e3:.3g} ms in fp32, {trial.bf16_seconds * 1e3:.3g} ms in bf16, "
        f"which differs by {trial.rms:.2g} steps rms, {trial.largest:.2g} at most"
    )
    fact = Fact("precision_probe", round(trial.fp32_seconds / trial.bf16_seconds, 2), words)
    return (fact,), disagreement(Choice(session.precision, session.precision_reason), trial.verdict())


def disagreement(remembered: Choice, measured: Choice) -> list[Remark]:
    """What to say where the precision that is in use is not the one that would be chosen now."""
    if remembered.name == measured.name:
        return []
    text = (
        f"{remembered.name} is used ({remembered.reason}), and now {measured.name} is better ({measured.reason})."
    )
    return [Remark(text, "If that stays so, delete precision.json in the cache folder: it is measured anew.")]


def _measured(session: Session) -> Speed:
    picture = _test_picture()
    session.clean(picture.with_pixels(picture.pixels[:_WARM_UP, :_WARM_UP]))  # kernels are chosen here
    took, got, began = float("inf"), 0.0, time.perf_counter()
    for _ in range(_PASSES):
        wall, processor = time.perf_counter(), time.process_time()
        session.clean(picture)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        if wall < took:
            took, got = wall, processor / (wall * torch.get_num_threads())
        if time.perf_counter() - began > _SECONDS:
            break
    peak = peak_flops(torch.device(session.device), bf16=session.precision == "bf16")
    flops = _PER_MAC * session.spec.kmac_per_pixel * 1e3 * picture.megapixels * 1e6 / took
    on_card = session.device != "cpu"
    return Speed(picture.megapixels / took, flops / peak, peak, 1.0 if on_card else min(got, 1.0))


def _test_picture() -> Image:
    ramp = np.linspace(40, 210, _SIDE, dtype=np.float32)
    clean = (ramp[:, np.newaxis] + ramp[np.newaxis, :]) / 2
    noise = np.random.default_rng(0).normal(0, _SIGMA, (_SIDE, _SIDE, 3))
    return from_numpy((clean[:, :, np.newaxis] + noise).clip(0, 255).astype(np.uint8))
