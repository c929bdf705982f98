"""Translations. Every text on the screen goes through `tr`.

Texts are written in English where they are used; `resources/zh.json` contains the Chinese ones. The language is
chosen once, before the first window: from the preferences, or from the system. No Qt, so that models can use it.
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
    """*text* in the language of the window, with *values* inserted."""
    translated = _catalogue.get(text, text)
    return translated.format(**values) if values else translated


def tr_count(one: str, many: str, count: int, **values: object) -> str:
    """Singular or plural, depending on *count*; both may contain {count}."""
    return tr(one if count == 1 else many, count=count, **values)


def language() -> str:
    """The current language: a key of LANGUAGES."""
    return _language


def set_language(choice: str = "system") -> str:
    """Set the language: a key of LANGUAGES, or that of the system; return it."""
    global _catalogue, _language  # noqa: PLW0603 - all texts of a process are in one language
    _language = choice if choice in LANGUAGES else system_language()
    _catalogue = catalogue_of(_language)
    return _language


def catalogue_of(name: str) -> dict[str, str]:
    """The translations of a language by English text; empty for English."""
    if name == ENGLISH:
        return {}
    sections = json.loads((files("denoiser_gui") / "resources" / f"{name}.json").read_text("utf-8"))
    return {english: chinese for section in sections.values() for english, chinese in section.items()}


def system_language(
    environment: Mapping[str, str] = os.environ, ask: Callable[[], str | None] | None = None
) -> str:
    """The system language if it is in LANGUAGES, otherwise English."""
    name = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), None)
    if name is None:  # macOS and Windows
        name = (ask or (lambda: locale.getlocale()[0]))() or ENGLISH
    code = name.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return {"chinese": "zh"}.get(code, code if code in LANGUAGES else ENGLISH)
