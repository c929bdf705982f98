"""The options as keywords of the Python calls, for type checkers; a test compares them with the classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypedDict, TypeVar

from denoiser.errors import UsageError

Options = TypeVar("Options")


class DenoiseKeywords(TypedDict, total=False):
    """The fields of DenoiseOptions."""

    noise_level: float | None
    strength: float
    colour_noise: float
    detail: float
    grain: float
    hot_pixels: str
    passes: int
    model: str
    device: str
    precision: str
    tile: int | None
    batch_size: int | None
    memory: float | None


class EncodeKeywords(TypedDict, total=False):
    """The fields of EncodeOptions."""

    quality: float | None
    bpp: float
    target_size: int
    min_psnr: float
    min_msssim: float
    lossless: bool
    effort: int
    denoise: float | None
    thumbnail: bool
    strip: bool
    verify: bool
    model: str
    device: str
    precision: str


class DecodeKeywords(TypedDict, total=False):
    """The fields of DecodeOptions."""

    region: str
    scale: str
    depth: int | None
    grain: float
    model: str
    device: str
    precision: str


class ReadKeywords(TypedDict, total=False):
    """The fields of ReadOptions."""

    max_pixels: int
    frames: str


class WriteKeywords(TypedDict, total=False):
    """The fields of WriteOptions."""

    format: str | None
    depth: str | None
    quality: int | None
    size: str
    strip: bool
    ticket: bool


def options_of(kind: type[Options], options: Options | None, keywords: Mapping[str, Any]) -> Options:
    """Return *options*, or those that *keywords* make. Raise UsageError for both, and for unknown keywords."""
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    unknown = [name for name in keywords if name not in names]
    if unknown:
        raise UsageError(f"{unknown[0]!r} is not an option.", hint=f"Options: {', '.join(names)}.")
    if options is None:
        return kind(**keywords)
    if not isinstance(options, kind):
        raise UsageError(
            f"options must be {kind.__name__}, not {type(options).__name__}.",
            hint=f"Pass keywords, for example {names[0]}=…, or one denoiser.{kind.__name__}.",
        )
    if keywords:
        raise UsageError(
            f"Both options and {next(iter(keywords))} were given.",
            hint="Pass either options or keywords, or change one field with dataclasses.replace(options, …).",
        )
    return options
