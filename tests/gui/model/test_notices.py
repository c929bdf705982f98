from __future__ import annotations

import inspect

import pytest

from denoiser import errors
from denoiser.errors import DenoiserError, ForeignOutput, UnreadableImage, UsageError
from denoiser_gui.model.notices import failure, hint_of, message_of
from denoiser_gui.translation import set_language

_KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, DenoiserError) and "extra" not in inspect.signature(kind).parameters
]


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.__name__)
def test_no_default_hint_contains_command_line_flags(kind: type[DenoiserError]) -> None:
    hint = hint_of(kind("It failed."))
    assert "`" not in hint
    assert "--" not in hint or kind is errors.ImageTooLarge, "the window has no flags"


def test_specific_hints_are_kept() -> None:
    assert hint_of(UnreadableImage("x", hint="Ask the cat.")) == "Ask the cat."
    assert hint_of(ForeignOutput("x")).startswith("A file with this name already exists")
    assert hint_of(UsageError("x")) == ""


def test_a_notice_has_the_hint_of_the_window() -> None:
    notice = failure("save", errors.MissingModel("No model of that name."))
    assert (notice.text, notice.hint) == ("No model of that name.", "Set Model to Auto.")


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.__name__)
def test_in_chinese_every_message_begins_with_a_chinese_summary(kind: type[DenoiserError]) -> None:
    try:
        set_language("zh")
        message = message_of(kind("a.png: details"))
    finally:
        set_language("en")
    summary = message.removesuffix(" a.png: details")
    assert summary != message and not summary.isascii()
