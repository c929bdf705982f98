"""A cache of the most recently used models. Thread-safe."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser.options import DecodeOptions, DenoiseOptions, EncodeOptions

if TYPE_CHECKING:
    from denoiser.codec.decode import Decoder
    from denoiser.codec.encode import Encoder
    from denoiser.engine.session import Session

_MOST = 4  # models with their options
_loading = threading.Lock()  # so that several threads load a model only once


def session(options: DenoiseOptions) -> Session:
    """Return a session with these options. Options that do not affect loading share one model."""
    from denoiser.engine.session import Session

    plain = DenoiseOptions()
    shared = replace(
        options,
        noise_level=plain.noise_level,
        strength=plain.strength,
        colour_noise=plain.colour_noise,
        detail=plain.detail,
        grain=plain.grain,
        hot_pixels=plain.hot_pixels,
    )
    kept: Session = _kept(Session, shared, options)
    return kept


def encoder(options: EncodeOptions) -> Encoder:
    """Return an encoder with these options. All targets but lossless share a model, unless it also denoises."""
    from denoiser.codec.encode import Encoder

    shared = EncodeOptions(
        lossless=options.lossless, model=options.model, device=options.device, precision=options.precision
    )
    # An encoder that denoises has a session for its noise level.
    kept: Encoder = _kept(Encoder, options if options.denoise != 0 else shared, options)
    return kept


def decoder(options: DecodeOptions) -> Decoder:
    """Return a decoder with these options. Decoders that differ in region, scale, depth and grain share models."""
    from denoiser.codec.decode import Decoder

    kept: Decoder = _kept(Decoder, replace(options, region="", scale="1", depth=None, grain=0.0), options)
    return kept


def clear() -> None:
    """Drop all cached models to free their memory."""
    _open.cache_clear()


def _kept(opener: Callable[[Any], Any], shared: Any, options: Any) -> Any:
    """A copy with *options* of the cached object that was opened with the options *shared*."""
    with _loading:
        opened = _open(opener, shared, _version_of(shared.model))
    if shared == options:
        return opened
    one = copy.copy(opened)
    one._options = options
    return one


@lru_cache(maxsize=_MOST)
def _open(opener: Callable[[Any], Any], shared: Any, _version: object) -> Any:
    return opener(shared)


def _version_of(model: str) -> tuple[int, int] | None:
    """A value that changes when a weights file is replaced, for example by training."""
    try:
        status = Path(model).stat() if model.endswith(".safetensors") else None
    except OSError:
        return None  # opening it reports the error
    return (status.st_mtime_ns, status.st_size) if status else None
