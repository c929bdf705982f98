"""Inference precision: as requested, or the best by a measurement, cached for this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from denoiser.atomicfile import whole_file
from denoiser.engine.device import Choice, hardware_name, lacks_bf16
from denoiser.engine.probe import Trial, measure
from denoiser.errors import UnwritableImage
from denoiser.networks.spec import NetworkSpec

CACHE_VARIABLE = "DENOISE_CACHE"  # the folder of the cache, for those who want it elsewhere
_FORM = 2  # of an entry; another meaning gets another number, and old entries are measured anew


class Tried(Protocol):
    """What is tried: a network of noisy pictures and planes, and what it costs."""

    @property
    def network(self) -> nn.Module: ...

    @property
    def spec(self) -> NetworkSpec: ...


def choose_precision(wish: str, device: str, model: Tried, *, cache: Path | None = None) -> Choice:
    """fp32 or bf16, with the reason. A named one is taken as it is; "auto" asks the cache, then the machine."""
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
    """Where this user's programs keep what can be made again."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "denoise" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "denoise"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "denoise"


def _key(device: str, model: Tried) -> str:
    """Everything that the verdict could depend on."""
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
    """Two processes may do this at once: the file is always whole, and an entry that was lost is measured again."""
    figures = [_FORM, trial.fp32_seconds, trial.bf16_seconds, trial.rms, trial.largest]
    words = json.dumps({**_remembered(file), key: figures}, indent=1, ensure_ascii=False)
    try:
        with whole_file(file) as opened:
            opened.write(words.encode())
    except UnwritableImage:
        return  # a cache that cannot be written is no reason to fail; the next session measures again
