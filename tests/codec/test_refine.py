"""Gradient steps lower the real cost of a tile."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec import model, mosaic
from denoiser.codec.context import Coder
from denoiser.codec.refine import Refiner, Window
from denoiser.codec.transform import Transform
from denoiser.events import CancelToken
from denoiser.tiling import Region

LEVEL = 30


@pytest.fixture
def parts(tiny_codec, make_photo):
    loaded = model.load(model.find(str(tiny_codec)))
    transform, coder = Transform(loaded, "cpu", "fp32"), Coder(loaded)
    pixels = mosaic.taken(make_photo(128, 192), Region(0, 0, 128, 192))
    y = transform.analyse(pixels)
    place = Region(4, 4, 4, 8)
    window = Window(coder.scaled(y, LEVEL)[0], pixels, place)
    v, z = coder.scaled(np.ascontiguousarray(y[:, *place.slices]), LEVEL)
    return Refiner(loaded, transform), coder, window, v, z


def test_refined_latents_cost_less_by_the_real_tables(parts) -> None:
    refiner, coder, window, v, z = parts
    counted: list[int] = []
    before = window.latents.copy()
    better = refiner.refined(window, z, LEVEL, 12, step_done=lambda: counted.append(1), cancel=CancelToken())
    assert len(counted) == 12 and np.array_equal(window.latents, before)
    costs = []
    for latents in (v, better):
        tile = coder.encode_scaled(latents, z, LEVEL, thrift=0)
        costs.append(refiner.cost(window, tile.latents, 8 * len(tile.stream), LEVEL))
    assert costs[1] < costs[0]


def test_the_gradient_of_the_error_is_that_of_its_differences(parts) -> None:
    refiner, _, window, _, _ = parts
    transform = refiner._transform
    error, gradient = transform.squared_error(window.latents, window.pixels, LEVEL)
    direction = np.random.default_rng(0).normal(0, 1, window.latents.shape).astype(np.float32)
    ahead, _ = transform.squared_error(window.latents + 0.01 * direction, window.pixels, LEVEL)
    behind, _ = transform.squared_error(window.latents - 0.01 * direction, window.pixels, LEVEL)
    assert (ahead - behind) / 0.02 == pytest.approx(float((gradient * direction).sum()), rel=0.02)
    assert refiner.cost(window, window.latents[:, *window.tile.slices], 0.0, LEVEL) > 0 < error
