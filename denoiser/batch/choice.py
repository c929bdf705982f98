"""Which weights a run uses, and what it keeps of the choice of an earlier one: all outputs are of one kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from denoiser import models
from denoiser.batch.history import History
from denoiser.batch.settings import Choice, Settings
from denoiser.errors import MissingModel, UntrustedWeights, UsageError

AUTOMATIC = "auto"
_DEVICES = ("cpu", "cuda", "mps")
_PLACE = ("device", "precision", "tile")

DeviceChooser = Callable[[str], str]
Finder = Callable[[str, str], models.CatalogEntry]  # of a name or a path, on a device


def choose_weights(
    settings: Settings, history: History, choose_device: DeviceChooser, find: Finder | None = None
) -> Choice:
    """What the newest run chose that was asked the same, as long as its weights are here; or a choice of today.

    Asks for the device only where the weights depend on it: finding out takes seconds.
    """
    find = find or models.find
    for run in reversed(history.runs):
        if run.get("options") == settings.key and run.get("asked") == settings.asked:
            kept = _kept(run, settings, find)
            if kept is not None:
                return kept
            break
    asked, device = settings.of_network.model, settings.of_network.device
    if device == AUTOMATIC:
        device = choose_device(device) if _depends_on_device(asked, find) else _DEVICES[0]
    entry = find(asked, device)
    return Choice(asked if _is_path(asked) else entry.name, entry.card.sha256)


def _kept(run: Mapping[str, Any], settings: Settings, find: Finder) -> Choice | None:
    model, digest = run.get("model"), run.get("digest")
    place = {name: run[name] for name in _PLACE if run.get(name) is not None}
    if not isinstance(model, str):
        return None
    try:
        kept = Choice(model, str(digest), place)
        device = kept.applied(settings.of_network).device
        return kept if find(model, device).card.sha256 == digest else None
    except (MissingModel, UntrustedWeights, UsageError, KeyError):
        return None  # the records were written by another version, or changed by hand


def _depends_on_device(asked: str, find: Finder) -> bool:
    return asked == AUTOMATIC and len({find(asked, device).path for device in _DEVICES}) > 1


def _is_path(asked: str) -> bool:
    return asked.endswith(".safetensors")
