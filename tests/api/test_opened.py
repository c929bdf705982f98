"""Models stay loaded between calls, each call has its own options, and new weights are noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import denoiser
from denoiser.api import opened
from denoiser.codec import model as codecs
from denoiser.engine import opening
from denoiser.models import loading
from denoiser.options import DenoiseOptions, EncodeOptions


@pytest.fixture(autouse=True)
def _nothing_loaded() -> Iterator[None]:
    opened.clear()
    yield
    opened.clear()


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of each model that is loaded from now on."""
    names: list[str] = []
    for module, function in ((opening, "read_kernels"), (loading, "load"), (codecs, "load")):
        real = getattr(module, function)

        def counted(entry: Any, real: Any = real) -> Any:
            names.append(entry.name)
            return real(entry)

        monkeypatch.setattr(module, function, counted)
    return names


@pytest.fixture
def words(tiny_weights: Path) -> dict[str, Any]:
    return {"model": str(tiny_weights), "device": "cpu", "precision": "fp32"}


def test_repeated_calls_load_the_weights_once(loads: list[str], words: dict[str, Any], photo: Any) -> None:
    first = denoiser.denoise(photo, noise_level=25, **words)
    for level, strength in ((10, 1.0), (None, 0.5), (25, 1.0)):
        last = denoiser.denoise(photo, noise_level=level, strength=strength, hot_pixels="off", **words)
    assert loads == ["denoiser-tiny"]
    assert np.array_equal(last, first)
    half = denoiser.denoise(photo, noise_level=25, strength=0.5, **words)
    assert not np.array_equal(half, first), "each call has its own options"


def test_what_the_model_runs_with_is_another_session(loads: list[str], words: dict[str, Any], photo: Any) -> None:
    denoiser.denoise(photo, noise_level=25, **words)
    denoiser.denoise(photo, noise_level=25, **words, passes=2)
    assert len(loads) == 2


def test_new_weights_under_the_old_name_are_loaded(loads: list[str], words: dict[str, Any]) -> None:
    options = DenoiseOptions(**words)
    opened.session(options)
    os.utime(words["model"], ns=(1, 1))
    opened.session(options)
    assert len(loads) == 2


def test_threads_that_need_one_model_load_it_once(loads: list[str], words: dict[str, Any], photo: Any) -> None:
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: denoiser.denoise(photo, noise_level=25, **words), range(4)))
    assert loads == ["denoiser-tiny"]
    assert all(np.array_equal(result, results[0]) for result in results)


def test_few_models_are_kept(loads: list[str], words: dict[str, Any]) -> None:
    for passes in (1, 2, 4, 8, 1):
        opened.session(DenoiseOptions(**words, passes=passes))
    assert len(loads) == 4
    opened.session(DenoiseOptions(**words, tile=128))
    opened.session(DenoiseOptions(**words, passes=2))
    assert len(loads) == 6, "the one that was not used for longest has gone"
    opened.clear()
    opened.session(DenoiseOptions(**words, passes=2))
    assert len(loads) == 7


def test_a_codec_is_loaded_once_for_each_direction(loads: list[str], tiny_codec: Path, photo: Any) -> None:
    words: dict[str, Any] = {"model": str(tiny_codec), "device": "cpu", "precision": "fp32"}
    small, large = (denoiser.encode(photo, quality=quality, **words) for quality in (10, 90))
    assert len(small) < len(large)
    part = denoiser.decode(small, region="0,0,32,16", **words)
    whole = denoiser.decode(small, **words)
    assert (part.width, part.height, whole.width) == (32, 16, 64)
    assert loads == ["tiny-codec"] * 2
    assert opened.encoder(EncodeOptions(lossless=True)).model_name == "exact"


def test_an_encoder_that_denoises_keeps_both_models(loads: list[str], tiny_codec: Path, photo: Any) -> None:
    words: dict[str, Any] = {"model": str(tiny_codec), "device": "cpu", "precision": "fp32", "denoise": 20}
    first, loaded = denoiser.encode(photo, **words), list(loads)
    assert denoiser.encode(photo, **words) == first
    assert loads == loaded and "tiny-codec" in loaded
