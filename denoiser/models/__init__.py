"""Weights files to described, runnable networks. Listing and verifying needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from denoiser.models.card import Card, card_as_toml, gaps, read_card
from denoiser.models.catalog import BadCard, CatalogEntry, entries, find, survey, verify
from denoiser.models.explanation import explained

if TYPE_CHECKING:
    from denoiser.models.loading import LoadedModel, load

__all__ = [
    "BadCard",
    "Card",
    "CatalogEntry",
    "LoadedModel",
    "card_as_toml",
    "entries",
    "explained",
    "find",
    "gaps",
    "load",
    "read_card",
    "survey",
    "verify",
]


def __getattr__(name: str) -> Any:
    # Loading needs torch, which `denoise models` should not wait for.
    if name in ("LoadedModel", "load"):
        from denoiser.models import loading

        return getattr(loading, name)
    raise AttributeError(f"module 'denoiser.models' has no attribute {name!r}")
