"""Masks as steps: what each tool covers, parts that equal the whole, and pictures that come back as they were."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import from_numpy
from denoiser.imageio import encode
from denoiser.imageio.masks import mask_in
from denoiser.tiling import Region
from denoiser_gui.model.mask import (
    Fill,
    Ink,
    Inverted,
    Linear,
    Mask,
    MaskDrawer,
    Picture,
    Radial,
    Stroke,
    TrustMap,
    begun,
    mask_from,
)

SHAPE = (120, 200)
WHITE, HALF, ERASER = Ink(), Ink(0.5), Ink(0.0)
BLACK = Mask((Fill(0.0),))


def drawn(mask: Mask, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return MaskDrawer().pixels(mask, shape)


def all_steps() -> Mask:
    picture = Picture(encode(from_numpy(np.arange(24000, dtype=np.uint16).reshape(SHAPE)), "png"))
    blocks = np.random.default_rng(1).random((8, 13)).astype(np.float32)
    mask = Mask(
        (
            picture,
            Stroke(((0.1, 0.2), (0.6, 0.8), (0.9, 0.1)), 0.15, 0.6, HALF),
            Inverted(),
            Linear((0.2, 0.9), (0.7, 0.1), Ink(0.8, 0.7)),
            Radial((0.5, 0.5), (0.9, 0.7), 0.4, ERASER),
            Stroke(((0.5, 0.5),), 0.1, 0.0, WHITE),
        )
    )
    return mask.then(TrustMap(blocks)).then(Stroke(((-0.1, 0.4), (0.3, 1.2)), 0.2, 1.0, ERASER))


@pytest.mark.parametrize("region", [Region(0, 0, 50, 200), Region(33, 17, 61, 90), Region(119, 199, 1, 1)])
def test_a_part_is_that_of_the_whole_bit_for_bit(region: Region) -> None:
    mask = all_steps()
    for count in range(1, len(mask.steps) + 1):
        some = Mask(mask.steps[:count])
        assert np.array_equal(MaskDrawer().pixels(some, SHAPE, region), drawn(some)[region.slices])


def test_steps_are_drawn_over_the_steps_before() -> None:
    mask, drawer = all_steps(), MaskDrawer()
    for count in range(1, len(mask.steps) + 1):
        some = Mask(mask.steps[:count])
        assert np.array_equal(drawer.pixels(some, SHAPE), drawn(some))
    for count in range(len(mask.steps), 0, -1):  # undo: what is kept was not changed
        some = Mask(mask.steps[:count])
        assert np.array_equal(drawer.pixels(some, SHAPE), drawn(some))


def test_a_stroke_is_white_inside_and_leaves_the_rest() -> None:
    mask = drawn(BLACK.then(Stroke(((0.25, 0.5), (0.75, 0.5)), 0.2, 0.5, WHITE)))  # 40 pixels wide
    assert (mask[55:65, 55:145] == 65535).all()
    assert (mask[:39] == 0).all() and (mask[82:] == 0).all() and (mask[:, :29] == 0).all()
    column = mask[40:60, 100].astype(int)
    assert (np.diff(column) >= 0).all() and 0 < column[5] < 65535  # a soft edge
    hard = drawn(BLACK.then(Stroke(((0.5, 0.5),), 0.2, 0.0, WHITE)))
    assert np.mean((hard > 0) & (hard < 65535)) < 0.01
    assert hard[60, 100] == 65535 and hard[60, 122] == 0


def test_crossing_itself_does_not_add_up() -> None:
    once = drawn(BLACK.then(Stroke(((0.2, 0.5), (0.8, 0.5)), 0.2, 1.0, HALF)))
    twice = drawn(BLACK.then(Stroke(((0.2, 0.5), (0.8, 0.5), (0.2, 0.5)), 0.2, 1.0, HALF)))
    assert np.array_equal(once, twice)
    assert abs(int(once.max()) - 32768) < 400


def test_the_eraser_takes_its_strength_away() -> None:
    mask = drawn(Mask((Fill(1.0),)).then(Stroke(((0.5, 0.5),), 0.2, 0.1, Ink(0.0, 0.25))))
    assert mask[60, 100] == round(0.75 * 65535)
    assert mask[0, 0] == 65535


def test_gradients_go_from_full_to_nothing() -> None:
    linear = drawn(BLACK.then(Linear((0.25, 0.5), (0.75, 0.5), WHITE)))
    assert (linear[:, :50] == 65535).all() and (linear[:, 150:] == 0).all()
    assert (np.diff(linear[0].astype(int)) <= 0).all()
    assert abs(int(linear[0, 99]) - 32768) < 700
    radial = drawn(BLACK.then(Radial((0.5, 0.5), (0.75, 0.75), 0.5, WHITE)))
    assert radial[60, 100] == 65535 and radial[60, 151] == 0 and radial[91, 100] == 0
    assert 0 < radial[60, 140] < 65535


def test_trust_is_interpolated_between_blocks() -> None:
    mask = drawn(Mask((TrustMap(np.array([[0.0, 1.0]], np.float32)),)))
    assert (mask[:, :50] == 0).all() and (mask[:, 150:] == 65535).all()
    assert abs(int(mask[0, 99]) - 32768) < 700


def test_a_small_drawing_is_the_large_one_made_small() -> None:
    mask = all_steps()
    large = drawn(mask).reshape(30, 4, 50, 4).mean(axis=(1, 3))
    small = drawn(mask, (30, 50)).astype(float)
    assert np.abs(large - small).mean() < 0.02 * 65535


def test_two_inversions_are_none() -> None:
    once = BLACK.then(Inverted())
    assert (drawn(once) == 65535).all()
    assert once.then(Inverted()) == BLACK


def test_a_new_mask_is_black_for_painting_and_white_for_erasing() -> None:
    assert begun(None, erases=False) == BLACK
    assert (drawn(begun(None, erases=True)) == 65535).all()
    assert begun(all_steps(), erases=True).steps[0] is not BLACK.steps[0]


def test_only_gradients_suit_other_photos() -> None:
    gradients = BLACK.then(Linear((0, 0), (1, 1), WHITE)).then(Radial((0, 0), (1, 1), 0.5, HALF)).then(Inverted())
    assert gradients.is_portable
    assert not gradients.then(Stroke(((0.5, 0.5),), 0.1, 0.5, WHITE)).is_portable


def test_a_mask_becomes_a_png_and_comes_back() -> None:
    mask, drawer = all_steps(), MaskDrawer()
    data = drawer.encoded(mask, SHAPE)
    assert np.array_equal(mask_in(data, "mask", (200, 120)), drawn(mask))
    again = mask_from(data, "mask", (200, 120))
    assert np.array_equal(drawn(again), drawn(mask))
    assert drawer.encoded(again, SHAPE) == data  # the file itself
    with pytest.raises(UnreadableImage, match=r"mask: has 200 x 120 pixels, the image 120 x 200\."):
        mask_from(data, "mask", (120, 200))
