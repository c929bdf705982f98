"""Weights files to described, runnable networks. Listing and verifying needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from denoiser.models.card import Card, card_as_toml, read_card
from denoiser.models.catalog import CatalogEntry, entries, find, verify

if TYPE_CHECKING:
    from denoiser.models.loading import LoadedModel, load

__all__ = ["Card", "CatalogEntry", "LoadedModel", "card_as_toml", "entries", "find", "load", "read_card", "verify"]


def __getattr__(name: str) -> Any:
    # Loading needs torch, which `denoise models` should not wait for.
    if name in ("LoadedModel", "load"):
        from denoiser.models import loading

        return getattr(loading, name)
    raise AttributeError(f"module 'denoiser.models' has no attribute {name!r}")
