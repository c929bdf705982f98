"""The words of the window: English in the code, other languages by table."""

from __future__ import annotations


def tr(text: str, **values: object) -> str:
    """*text* in the language of the window, with *values* put in the place of their names in braces."""
    return text.format(**values) if values else text
