"""Notices for the banner: one line, one action, and a key to replace or remove them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from denoiser.errors import DenoiserError
from denoiser_gui.model.hints import hint_of, message_of


class Severity(Enum):
    """Severity of a notice."""

    INFO = "info"
    QUESTION = "question"
    ERROR = "error"


@dataclass(frozen=True, slots=True, eq=False)
class Notice:
    """One line for the user. It replaces a notice with the same *key*, and disappears when the key is solved."""

    key: str
    text: str
    hint: str = ""
    severity: Severity = Severity.INFO
    action: str = ""  # label of its button; empty for none
    act: Callable[[], None] | None = None


def failure(key: str, error: DenoiserError, action: str = "", act: Callable[[], None] | None = None) -> Notice:
    """The notice of an error: message and hint in the language of the window."""
    return Notice(key, message_of(error), hint_of(error), Severity.ERROR, action, act)
