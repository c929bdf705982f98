"""The description of a model, from its card: network, training data, training, results and limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from denoiser.models.card import Card, gaps

# Descriptions of metrics; others are shown by their names.
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
_COUNTS = {"steps": "steps", "megapixels": "megapixels seen"}
_FACTS = {"hardware": "On", "began": "Begun", "torch": "PyTorch"}
_SHOWN = {"data", "photos", "attribution", "licences", "recipe", "minutes", *_COUNTS, *_FACTS}
_HOUR = 60  # minutes


def explained(card: Card) -> list[tuple[str, tuple[str, ...]]]:
    """The card as headings with lines of text; nothing on the card is left out."""
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
    """Minutes or hours, as text."""
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
    facts += [f"{_value(training[key])} {text}" for key, text in _COUNTS.items() if training.get(key)]
    if facts:
        yield ", ".join(facts)
    yield from (f"{text} {training[key]}" for key, text in _FACTS.items() if training.get(key))
    yield from (f"{_spaced(key)}: {_value(value)}" for key, value in training.items() if key not in _SHOWN)


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
