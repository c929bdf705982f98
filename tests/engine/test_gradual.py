from __future__ import annotations

import numpy as np
import pytest

from denoiser.engine.session import Session
from denoiser.errors import Cancelled
from denoiser.estimation.policy import at_level
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.options import DenoiseOptions, Look
from denoiser.tiling import Region

TILED = DenoiseOptions(noise_level=20.0, precision="fp32", tile=192)


@pytest.fixture(scope="module")
def image() -> Image:
    from skimage import data

    noise = np.random.default_rng(3).normal(size=(300, 420, 3)) * 20
    noisy = np.clip(np.rint(data.astronaut()[:300, :420] + noise), 0, 255).astype(np.uint8)
    alpha = np.full((300, 420, 1), 255, np.uint8)
    alpha[100:140, 60:200] = 0
    return from_numpy(np.dstack([noisy, alpha]))


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(TILED)


def test_in_whatever_order_it_is_cleaned_the_bits_are_those_of_the_whole(session: Session, image: Image) -> None:
    whole = session.clean(image).image.pixels
    gradual = session.gradual(image, 20.0)
    assert not gradual.is_complete and gradual.progress == 0
    corner = Region(220, 330, 40, 40)
    while gradual.clean_next(corner, CancelToken()):
        pass
    assert gradual.has(corner) and not gradual.has(Region(0, 0, 300, 420))
    assert np.array_equal(gradual.clean[220:260, 330:370], whole[220:260, 330:370])
    while part := gradual.clean_next(None, CancelToken()):
        rows, columns = slice(part.top, part.top + part.height), slice(part.left, part.left + part.width)
        assert np.array_equal(gradual.clean[rows, columns], whole[rows, columns])  # also under transparency
    assert gradual.is_complete and gradual.progress == 1
    assert np.array_equal(session.finish(gradual.work, Look()).image.pixels, whole)


def test_a_finished_one_can_be_finished_again_with_another_look(session: Session, image: Image) -> None:
    gradual = session.gradual(image, 20.0)
    while gradual.clean_next(None, CancelToken()):
        pass
    look = Look(strength=0.6, grain=0.3)
    half = session.finish(gradual.work, look).image.pixels
    full = session.finish(gradual.work, Look()).image.pixels
    assert np.array_equal(session.finish(gradual.work, look).image.pixels, half)
    assert np.array_equal(full, session.clean(image).image.pixels)
    assert not np.array_equal(half, full)


def test_one_session_serves_every_level(session: Session, image: Image) -> None:
    gradual = session.gradual(image, None)
    assert gradual.work.estimate is not None
    given = session.gradual(image, 30.0, gradual.work.estimate).work.canvas
    assert given is not None and given.condition == at_level(gradual.work.estimate, 30.0)


def test_nearest_to_the_middle_of_what_is_looked_at_comes_first(session: Session, image: Image) -> None:
    gradual = session.gradual(image, 20.0)
    seen = Region(0, 380, 30, 40)
    part = gradual.clean_next(seen, CancelToken())
    assert part is not None and part.top == 0 and part.left + part.width == 420


def test_a_cancelled_tile_is_still_missing(session: Session, image: Image) -> None:
    gradual, cancel = session.gradual(image, 20.0), CancelToken()
    cancel.cancel()
    everything = len(gradual.missing_in(Region(0, 0, 300, 420)))
    with pytest.raises(Cancelled):
        gradual.clean_next(None, cancel)
    assert len(gradual.missing_in(Region(0, 0, 300, 420))) == everything > 1


def test_a_picture_that_stays_as_it_is_is_complete_from_the_start(image: Image) -> None:
    session = Session(DenoiseOptions(precision="fp32"))
    gradual = session.gradual(image, 0.0)
    assert gradual.is_complete and gradual.has(Region(0, 0, 300, 420))
    assert gradual.clean_next(None, CancelToken()) is None
    assert np.array_equal(gradual.clean, image.pixels)


def test_when_memory_runs_out_it_begins_again_in_smaller_tiles(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(DenoiseOptions(noise_level=20.0, precision="fp32"))
    gradual = session.gradual(image, 20.0)
    runner, tile = session._cleaner.runner, session.tile
    start, calls = runner.start, []

    def short_of_memory(pieces: object, cancel: CancelToken) -> object:
        calls.append(pieces)
        if len(calls) == 1:
            raise MemoryError
        return start(pieces, cancel)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "start", short_of_memory)
    while gradual.clean_next(None, CancelToken()):
        pass
    assert gradual.is_complete and session.tile < tile
    cleaned = session.finish(gradual.work, Look())
    assert any("memory ran out" in note for note in cleaned.notes)
