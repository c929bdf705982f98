"""Which weights a run uses, and what it keeps of the choice of an earlier one: all outputs are of one kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from denoiser import models
from denoiser.batch.history import History
from denoiser.batch.settings import Choice, Settings
from denoiser.errors import MissingModel, UntrustedWeights

AUTOMATIC = "auto"
_DEVICES = ("cpu", "cuda", "mps")

DeviceChooser = Callable[[str], str]


def choose_weights(settings: Settings, history: History, choose_device: DeviceChooser) -> Choice:
    """What the newest run chose that was asked the same, as long as its weights are here; or a choice of today.

    Asks for the device only where the weights depend on it: finding out takes seconds.
    """
    for run in reversed(history.runs):
        if run.get("options") == settings.key and run.get("asked") == settings.asked:
            kept = _kept(run)
            if kept is not None:
                return kept
            break
    asked, device = settings.denoise.model, settings.denoise.device
    if device == AUTOMATIC:
        device = choose_device(device) if _depends_on_device(asked) else _DEVICES[0]
    entry = models.find(asked, device)
    return Choice(asked if _is_path(asked) else entry.name, entry.card.sha256)


def _kept(run: Mapping[str, Any]) -> Choice | None:
    words = {name: run.get(name) for name in ("model", "digest", "device", "precision")}
    if not all(isinstance(word, str) for word in words.values()):
        return None
    model, digest, device = str(words["model"]), str(words["digest"]), str(words["device"])
    try:
        entry = models.find(model, device)
    except (MissingModel, UntrustedWeights, KeyError):
        return None
    if entry.card.sha256 != digest:
        return None
    kept = {"device": device, "precision": words["precision"]}
    return Choice(model, digest, kept | ({"tile": run["tile"]} if isinstance(run.get("tile"), int) else {}))


def _depends_on_device(asked: str) -> bool:
    return asked == AUTOMATIC and len({models.find(asked, device).path for device in _DEVICES}) > 1


def _is_path(asked: str) -> bool:
    return asked.endswith(".safetensors")
