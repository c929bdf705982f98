"""What the window says, in the language of whoever reads it: the one way of every text to the screen.

A text is written in English where it is used and handed to `tr`; `resources/zh.json` holds the Chinese of each. A
language is chosen once, before the first window: by the preference, or else by the system. No Qt here, so that
models and tests can speak, too.
"""

from __future__ import annotations

import json
import locale
import os
from collections.abc import Callable, Mapping
from importlib.resources import files

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "zh": "中文"}

_catalogue: Mapping[str, str] = {}
_language = ENGLISH


def tr(text: str, /, **values: object) -> str:
    """*text* in the language of the window, with *values* put in the place of their names in braces."""
    said = _catalogue.get(text, text)
    return said.format(**values) if values else said


def tr_count(one: str, many: str, count: int, **values: object) -> str:
    """The one or the other text, as *count* asks for; both may say {count}."""
    return tr(one if count == 1 else many, count=count, **values)


def language() -> str:
    """The language that is spoken: a key of LANGUAGES."""
    return _language


def speak(wish: str = "system") -> str:
    """Chooses the language of all texts from now on: a key of LANGUAGES, or that of the system; returns it."""
    global _catalogue, _language  # noqa: PLW0603 - a process speaks one language, and every text asks for it
    _language = wish if wish in LANGUAGES else system_language()
    _catalogue = catalogue_of(_language)
    return _language


def catalogue_of(name: str) -> dict[str, str]:
    """The texts of a language by their English; empty for English itself."""
    if name == ENGLISH:
        return {}
    words = json.loads((files("denoiser_gui") / "resources" / f"{name}.json").read_text("utf-8"))
    return {english: said for section in words.values() for english, said in section.items()}


def system_language(
    environment: Mapping[str, str] = os.environ, ask: Callable[[], str | None] | None = None
) -> str:
    """The language of LANGUAGES that the system is set to; English for all others."""
    said = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), None)
    if said is None:  # macOS and Windows say it elsewhere
        said = (ask or (lambda: locale.getlocale()[0]))() or ENGLISH
    word = said.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return {"chinese": "zh"}.get(word, word if word in LANGUAGES else ENGLISH)
