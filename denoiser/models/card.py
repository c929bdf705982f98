"""The card that stands beside each weights file: what it is, what it came from, what it can do, what it cannot."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from denoiser.errors import UntrustedWeights


@dataclass(frozen=True, slots=True)
class Card:
    """A card, complete and checked; the tables are plain TOML values."""

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
_TELLING = ("data", "licences", "recipe", "minutes", "hardware")


def read_card(path: Path) -> Card:
    """The card in that TOML file; UntrustedWeights when it is not one."""
    try:
        words = tomllib.loads(path.read_text(encoding="utf-8"))
        words["limits"] = tuple(words.get("limits", ()))
        card = Card(**words)
        _check(card)
        return card
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise UntrustedWeights(f"{path}: invalid card of a weights file ({error}).") from error


def gaps(card: Card) -> tuple[str, ...]:
    """What the card does not say, though who uses the weights would want to know; empty when it is complete."""
    silent = [word for word in _TELLING if not card.training.get(word)]
    return (*silent, *(word for word in ("metrics", "limits") if not getattr(card, word)))


def _check(card: Card) -> None:
    """Raises TypeError where a word is not of its kind: everybody below relies on it."""
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
    """The card as a file for people to read; ``read_card`` gives the same card back."""
    plain = ("name", "summary", "task", "architecture", "halo", "parameters", "sha256", "licence")
    lines = [f"{key} = {_value(getattr(card, key))}" for key in plain]
    lines += ["limits = [", *(f"    {_value(limit)}," for limit in card.limits), "]"]
    for table in ("settings", "training", "metrics"):
        lines += ["", f"[{table}]"]
        lines += [f"{_key(key)} = {_value(value)}" for key, value in getattr(card, table).items()]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else _value(key)


def _value(value: Any) -> str:
    # JSON's strings, numbers, booleans and lists are TOML's as well; non-ASCII stays readable.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
