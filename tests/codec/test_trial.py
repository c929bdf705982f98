from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser.codec import container
from denoiser.codec.encode import Encoder
from denoiser.errors import Cancelled
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.options import EncodeOptions


@pytest.fixture
def picture() -> Image:
    values = np.random.default_rng(4).normal(120, 30, (200, 280, 3))
    return from_numpy(values.clip(0, 255).astype(np.uint8))


def _options(weights: Path, **words: float | None) -> EncodeOptions:
    return EncodeOptions(model=str(weights), device="cpu", precision="fp32", **words)  # type: ignore[arg-type]


def test_each_quality_is_what_an_encoder_would_have_made(picture: Image, tiny_codec: Path) -> None:
    trial = Encoder(_options(tiny_codec)).trial(picture)
    for quality in (20.0, 70.0, 20.0):
        tried = trial(quality, CancelToken())
        made = Encoder(_options(tiny_codec, quality=quality)).encode(picture)
        file = container.read_bytes(tried.data, "tried.dlf")
        again = container.read_bytes(made.data, "made.dlf")
        assert (file.step, file.tiles) == (again.step, again.tiles) or again.is_exact
        assert tried.quality == pytest.approx(quality, abs=1.0)


def test_noise_is_taken_out_and_described(picture: Image, tiny_codec: Path) -> None:
    trial = Encoder(_options(tiny_codec, denoise=20.0)).trial(picture)
    tried = trial(50.0, CancelToken())
    made = Encoder(_options(tiny_codec, quality=50.0, denoise=20.0)).encode(picture)
    assert tried.data == made.data
    assert tried.noise is not None and made.noisy_bytes > 0


def test_it_stops_on_request_and_can_be_asked_again(picture: Image, tiny_codec: Path) -> None:
    trial = Encoder(_options(tiny_codec)).trial(picture)
    stopped = CancelToken()
    stopped.cancel()
    with pytest.raises(Cancelled):
        trial(50.0, stopped)
    assert trial(50.0, CancelToken()).data
