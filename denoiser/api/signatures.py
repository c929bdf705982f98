"""Signatures that list each keyword with its default, for `help` and for the tooltips of notebooks."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def with_keywords_of(kind: type[Any]) -> Callable[[Function], Function]:
    """Decorate a function whose `**keywords` are the fields of this options class. Only changes what is shown."""

    def decorated(function: Function) -> Function:
        shown = inspect.signature(function)
        own = [one for one in shown.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        fields = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type
            )
            for field in dataclasses.fields(kind)
        ]
        function.__signature__ = shown.replace(parameters=[*own, *fields])  # type: ignore[attr-defined]
        return function

    return decorated
