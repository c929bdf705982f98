"""int8 on a CPU: whether it is correct and faster on this machine. The answer is found once, and stored.

A child process compares int8 with fp32 on noisy tiles and measures both (`integer_check`), because a wrong build
may crash. `--precision int8` skips this.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import torch

from denoiser.atomicfile import whole_file
from denoiser.childprocess import Child, ChildEnded
from denoiser.engine.device import Choice, hardware_name
from denoiser.errors import MissingDevice, MissingModel, UnwritableImage
from denoiser.models.loading import LoadedModel
from denoiser.networks.int8 import beside, read_layers
from denoiser.networks.openvino_network import OpenvinoNetwork, float_weights, is_installed

# Largest differences from fp32 in 8-bit steps, as for bf16, and the largest time relative to the other precision.
MOST_RMS, MOST_ANYWHERE, MOST_TIME = 0.35, 3.0, 0.7
_SECONDS = 120.0  # for the child process; it needs about 5
_CHILD = "denoiser.engine.integer_check"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found; ``fault`` is empty if int8 is to be used."""

    fault: str
    time: float = 0.0  # relative to the other precision


def choose_int8(
    wish: str, device: str, model: LoadedModel, otherwise: Choice
) -> tuple[Choice, OpenvinoNetwork | None]:
    """int8 with its network if *wish* is "int8", or "auto" and the check passed; else *otherwise*.

    Raises MissingDevice or MissingModel if int8 is requested and not possible.
    """
    if wish == "int8":
        if device != "cpu":
            raise MissingDevice("int8 is for CPUs.", hint="Use --device cpu, or --precision auto.")
        return Choice("int8", "as requested"), integer_network(model)
    if wish != "auto" or device != "cpu" or not beside(model.path).is_file() or not is_installed():
        return otherwise, None
    verdict = stored_verdict(model, otherwise.name)
    if verdict.fault:
        return Choice(otherwise.name, f"{otherwise.reason}; {verdict.fault}"), None
    words = f"agrees with fp32, in {verdict.time:.0%} of the time of {otherwise.name}"
    return Choice("int8", words), integer_network(model)


def integer_network(model: LoadedModel, threads: int | None = None) -> OpenvinoNetwork:
    """The int8 version of a model; raise MissingModel if it has none, MissingDevice without OpenVINO."""
    path = beside(model.path)
    if not path.is_file():
        raise MissingModel(f"{model.name} has no int8 version.", hint="Use --precision auto, or another --model.")
    layers = read_layers(path, model.digest)
    return OpenvinoNetwork(
        float_weights(model.path), model.blocks, layers, threads=threads or torch.get_num_threads()
    )


def stored_verdict(model: LoadedModel, other: str) -> Verdict:
    """The stored verdict for model, machine and versions; made now if there is none."""
    path = _folder() / f"int8-{_key(model, other)}.json"
    try:
        return Verdict(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        """None yet, or an invalid one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        verdict, lasting = _checked(model, other)
        if lasting:
            with whole_file(path) as file:
                file.write(json.dumps(asdict(verdict)).encode())
    except (OSError, UnwritableImage):
        # Another run might decide otherwise, and outputs of the same command would differ.
        return Verdict("int8 is not used, because the result of its check cannot be stored")
    return verdict


def _checked(model: LoadedModel, other: str) -> tuple[Verdict, bool]:
    """The verdict, and whether it would be the same next time."""
    request = {"model": str(model.path), "other": other}
    try:
        with Child(_CHILD, _SECONDS) as child:
            answer = child.ask(request)
    except ChildEnded as ended:
        return Verdict(f"int8 failed its check: {ended.cause}"), not ended.hangs
    return judged(answer), True


def judged(answer: dict[str, float | str]) -> Verdict:
    """The verdict on what the child process measured."""
    if fault := answer.get("fault"):
        return Verdict(f"int8 failed its check: {fault}")
    rms, largest, time = (float(answer[name]) for name in ("rms", "largest", "time"))
    if not (rms <= MOST_RMS and largest <= MOST_ANYWHERE):  # true for NaN
        return Verdict(f"int8 differs from fp32 by up to {largest:.2g} steps on this processor", time)
    if time > MOST_TIME:
        return Verdict(f"int8 takes {time:.0%} of the time on this processor", time)
    return Verdict("", time)


def _key(model: LoadedModel, other: str) -> str:
    versions = [metadata.version(name) for name in ("torch", "openvino")]
    integers = hashlib.sha256(beside(model.path).read_bytes()).hexdigest()
    limits = f"{MOST_RMS} {MOST_ANYWHERE} {MOST_TIME}"
    words = [model.digest, integers, hardware_name("cpu"), other, limits, *versions]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def _folder() -> Path:
    """The folder of the environment variable DENOISE_CACHE, or the one that the system has for such files."""
    if named := os.environ.get("DENOISE_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "denoise"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/denoise"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "denoise"
