"""Words that readers had to decode do not come back; the failure names the plain word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_FOLDERS = {"denoiser": "*.py", "cli": "*.py", "gui": "*.py", "docs": "*.md"}
_MORE = {"denoiser": "*.toml", "docs": "*.py"}
_PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")

# Pattern, in any case -> what to write instead. Quoted words are names of users, files and fields, and may stay.
_BETTER = {
    r"\breckon(s|ed|ing|ings)?\b": "compute, estimate; 'inference precision' for a type of numbers",
    r"\bforet(el|ol)\w*": "predict; the part of the codec that does so is its context model",
    r"\b(nobody|somebody|whoever)\b(?!\")": "name the code or the user, or use the passive voice",
    r"\b(is|are|was|were|be|been|being) (not )?told\b": "is given, receives; 'is reported' for messages",
    r"(?<!\")\buntold\b": "blind",
    r"(?<![\"`])\bpass(ed|es) over\b": "skipped, ignored",
    r"left the rails": "the loss is not finite",
    r"weighs a decibel": "the lambda of a quality step, the rate-distortion trade-off",
    r"\bobviously correct\b": "reference implementation",
    r"\bunmade\b|\blanes?\b": "request or result; worker thread",
    r"\bcrafts?\b": "training task, topic",
    r"\bbell curve\b": "normal distribution",
    r"\bthe way of a picture\b": "data flow",
    r"\bbelow the faces\b": "the library; denoiser_cli and denoiser_gui are the front ends",
    r"\b(it|they|code|network|engine|estimator) (hears?|knows?|wants?|believes?|wishes)\b": "receives, stores",
    r"\bthe same backwards\b": "the inverse of …, or what the function parses",
    r"\btaken away\b|\btook away\b": "removed",
    r"\bgo(es)? on where\b|\bto go on with\b": "continue, resume",
}


def _texts(root: Path) -> dict[str, str]:
    files = [root / page for page in _PAGES]
    for kinds in (_FOLDERS, _MORE):
        files += [file for folder, pattern in kinds.items() for file in sorted((root / folder).rglob(pattern))]
    return {file.relative_to(root).as_posix(): file.read_text("utf-8") for file in files}


@pytest.mark.parametrize("pattern", _BETTER)
def test_plain_words(pytestconfig: pytest.Config, pattern: str) -> None:
    # Words may be apart by a line break, and by the mark of a comment after it.
    spaced = re.compile(pattern.replace(" ", r"\s+(?:#\s+)?"), re.IGNORECASE)
    found = [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1} {hit.group()!r}"
        for name, text in _texts(pytestconfig.rootpath).items()
        for hit in spaced.finditer(text)
    ]
    assert not found, f"write plainly ({_BETTER[pattern]}): {'; '.join(found)}"
