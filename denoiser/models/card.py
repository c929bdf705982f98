"""The card beside each weights file: its network, training, measured quality and limits."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from denoiser.errors import UntrustedWeights


@dataclass(frozen=True, slots=True)
class Card:
    """A complete, checked card; the tables have plain TOML values."""

    name: str
    summary: str
    task: str  # "denoiser", "estimator" or "codec"
    architecture: str  # a name in networks.registry
    settings: Mapping[str, Any]
    halo: int
    sha256: str
    parameters: int
    licence: str
    training: Mapping[str, Any] = field(default_factory=dict)  # data, licences, recipe, minutes, hardware, …
    metrics: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ()


# Fields that a useful card needs; others are accepted without them.
_USEFUL = ("data", "licences", "recipe", "minutes", "hardware")


def read_card(path: Path) -> Card:
    """The card in that TOML file; raise UntrustedWeights if it is invalid."""
    try:
        words = tomllib.loads(path.read_text(encoding="utf-8"))
        words["limits"] = tuple(words.get("limits", ()))
        card = Card(**words)
        _check(card)
        return card
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise UntrustedWeights(f"{path}: invalid card of a weights file ({error}).") from error


def gaps(card: Card) -> tuple[str, ...]:
    """Useful fields that are missing from the card."""
    missing = [word for word in _USEFUL if not card.training.get(word)]
    return (*missing, *(word for word in ("metrics", "limits") if not getattr(card, word)))


def _check(card: Card) -> None:
    """Raise TypeError for a value of the wrong type."""
    for name, kind in _KINDS.items():
        value = getattr(card, name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}")
    if not all(isinstance(limit, str) for limit in card.limits):
        raise TypeError(f"limits is {card.limits!r}")


_KINDS: Mapping[str, type] = {
    **dict.fromkeys(("name", "summary", "task", "architecture", "sha256", "licence"), str),
    **dict.fromkeys(("halo", "parameters"), int),
    **dict.fromkeys(("settings", "training", "metrics"), dict),
}


def card_as_toml(card: Card) -> str:
    """The card as a TOML file; ``read_card`` returns the same card."""
    return tomli_w.dumps(asdict(card))
