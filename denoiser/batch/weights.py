"""Chooses the weights of a run: those of the earlier run with the same options, so that all outputs look alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from denoiser.batch.history import History
from denoiser.batch.settings import ModelChoice, Settings
from denoiser.errors import MissingModel, UntrustedWeights, UsageError
from denoiser.models import catalog

AUTOMATIC = "auto"
_DEVICES = ("cpu", "cuda", "mps")
_PLACE = ("device", "precision", "tile")

DeviceChooser = Callable[[str], str]
Finder = Callable[[str, str], catalog.CatalogEntry]  # (name or path, device)


def choose_weights(
    settings: Settings, history: History, choose_device: DeviceChooser, find: Finder | None = None
) -> ModelChoice:
    """Return the choice of the newest run with the same options if its weights are installed, or a new choice.

    *choose_device* is called only if the weights depend on the device: it takes seconds.
    """
    find = find or catalog.find
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
    return ModelChoice(asked if _is_path(asked) else entry.name, entry.card.sha256)


def _kept(run: Mapping[str, Any], settings: Settings, find: Finder) -> ModelChoice | None:
    model, digest = run.get("model"), run.get("digest")
    place = {name: run[name] for name in _PLACE if run.get(name) is not None}
    if not isinstance(model, str):
        return None
    try:
        kept = ModelChoice(model, str(digest), place)
        device = kept.applied(settings.of_network).device
        return kept if find(model, device).card.sha256 == digest else None
    except (MissingModel, UntrustedWeights, UsageError, KeyError):
        return None  # the records were written by another version, or changed by hand


def _depends_on_device(asked: str, find: Finder) -> bool:
    return asked == AUTOMATIC and len({find(asked, device).path for device in _DEVICES}) > 1


def _is_path(asked: str) -> bool:
    return asked.endswith(".safetensors")
