from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import Cancelled, UnreadableImage
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser_gui.model.thumbnails import (
    MOST_WANTED,
    ThumbnailCache,
    ThumbnailQueue,
    make_small,
    make_thumbnail,
    measure_noise,
)


def test_the_newest_request_comes_first_and_each_once() -> None:
    wanted = ThumbnailQueue()
    for name in ("a", "b", "c", "a"):
        wanted.want(Path(name))
    assert [wanted.take() for _ in range(4)] == [Path("a"), Path("c"), Path("b"), None]


def test_old_requests_are_dropped() -> None:
    wanted = ThumbnailQueue()
    for number in range(MOST_WANTED + 5):
        wanted.want(Path(str(number)))
    assert len(wanted) == MOST_WANTED
    assert wanted.take() == Path(str(MOST_WANTED + 4))


def test_the_least_recently_used_thumbnail_is_evicted() -> None:
    kept: ThumbnailCache[str] = ThumbnailCache(most=2)
    kept.put(Path("a"), "A")
    kept.put(Path("b"), None)
    assert kept.get(Path("a")) == "A"
    kept.put(Path("c"), "C")
    assert Path("b") not in kept and Path("a") in kept
    kept.forget(Path("a"))
    assert kept.get(Path("a")) is None


def test_thumbnails_are_small_and_noise_is_measured_at_full_size(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(128, 14, (300, 400, 3)).clip(0, 255).astype(np.uint8)
    imageio.write(from_numpy(values), tmp_path / "a.png")
    assert make_thumbnail(tmp_path / "a.png", 80).width == 80
    assert make_small(from_numpy(values), 80).height == 60
    from denoiser.estimation import estimate_noise

    measured = measure_noise(tmp_path / "a.png", CancelToken())
    assert measured.sigma == estimate_noise(imageio.read(tmp_path / "a.png")).sigma
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        measure_noise(tmp_path / "a.png", cancel)
    with pytest.raises(UnreadableImage):
        make_thumbnail(tmp_path / "none.png")
