"""A card in plain words: what the weights are, what they learned from, what they reach, and where they fail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from denoiser.models.card import Card, gaps

# Metrics that a person should not have to guess the meaning of; others are shown as they stand.
_METRICS = (
    (r"cbsd68_sigma(\d+)", r"CBSD68, white noise of sigma \1, given the level", "dB PSNR"),
    (r"bsd68_grey_sigma(\d+)", r"BSD68 grey, white noise of sigma \1, given the level", "dB PSNR"),
    (r"(validation|test)_real_pairs_(?:blind|automatic)", r"real pairs (\1), blind", "dB PSNR"),
    (r"(validation|test)_real_pairs_noisy", r"real pairs (\1), before cleaning", "dB PSNR"),
    (r"(validation|test)_clean_median", r"clean photos (\1) against themselves, median", "dB PSNR"),
    (r"(validation|test)_bd_rate_(.+)", r"bits for equal PSNR, compared with \2 (\1)", "%"),
    (
        r"held_out_bits_against_JPEG",
        r"bits for equal PSNR, compared with JPEG, on validation crops (estimated)",
        "%",
    ),
    (r"(validation|test)_(.+)", r"\2 (\1)", ""),
)
_SAID = {
    "data",
    "photos",
    "attribution",
    "licences",
    "recipe",
    "minutes",
    "hardware",
    "steps",
    "megapixels",
    "began",
    "torch",
}
_HOUR = 60  # minutes


def explained(card: Card) -> list[tuple[str, tuple[str, ...]]]:
    """The card as headings, each with lines of plain words below it; nothing that is on the card is left out."""
    sections = (
        ("Model", _nature(card)),
        ("Training data", _sources(card.training)),
        ("Training", _making(card.training)),
        ("Results", (_metric(key, value) for key, value in card.metrics.items())),
        ("Limits", card.limits),
        ("Missing from its card", gaps(card)),
    )
    return [(heading, lines) for heading, words in sections if (lines := tuple(words))]


def duration(minutes: float) -> str:
    """Minutes as people say them."""
    if minutes < 2 * _HOUR:
        return f"{minutes:.3g} minutes"
    return f"{minutes / _HOUR:.3g} hours"


def _nature(card: Card) -> Iterator[str]:
    yield card.summary
    settings = "; ".join(f"{_spaced(key)} {_value(value)}" for key, value in card.settings.items())
    yield f"A {card.task}: network {card.architecture}{f' ({settings})' if settings else ''}"
    yield f"{card.parameters:,} parameters; tiles overlap by {card.halo} pixels"
    yield f"Licence {card.licence}"


def _sources(training: Mapping[str, Any]) -> Iterator[str]:
    if data := training.get("data"):
        yield str(data)
    if licences := training.get("licences"):
        yield f"Under {_value(licences)}"
    if attribution := training.get("attribution"):
        photos = f"{training['photos']} photos" if "photos" in training else "the photos"
        yield f"ATTRIBUTION.csv lists {photos} under {attribution!r}"


def _making(training: Mapping[str, Any]) -> Iterator[str]:
    if recipe := training.get("recipe"):
        yield f"Recipe: {recipe}"
    facts = []
    if minutes := training.get("minutes"):
        facts.append(duration(minutes) if isinstance(minutes, int | float) else f"{minutes} minutes")
    if steps := training.get("steps"):
        facts.append(f"{_value(steps)} steps")
    if megapixels := training.get("megapixels"):
        facts.append(f"{_value(megapixels)} megapixels seen")
    if facts:
        yield ", ".join(facts)
    if hardware := training.get("hardware"):
        yield f"On {hardware}"
    if began := training.get("began"):
        yield f"Begun {began}"
    if torch := training.get("torch"):
        yield f"PyTorch {torch}"
    yield from (f"{_spaced(key)}: {_value(value)}" for key, value in training.items() if key not in _SAID)


def _metric(key: str, value: Any) -> str:
    for pattern, words, unit in _METRICS:
        if found := re.fullmatch(pattern, key):
            return f"{_spaced(found.expand(words))}: {_value(value)}{f' {unit}' if unit else ''}"
    return f"{_spaced(key)}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def _spaced(key: str) -> str:
    return key.replace("_", " ")
