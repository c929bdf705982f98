import dataclasses

import numpy as np
import pytest

from denoiser.engine.looks import Looks
from denoiser.engine.session import Session
from denoiser.image import Image, Pixels, from_numpy
from denoiser.options import DenoiseOptions, Look
from denoiser.tiling import Region

_LOOKS = (
    Look(0.35),
    Look(0.8, colour_noise=0.4),
    Look(1.0, detail=0.7),
    Look(0.6, grain=0.5),
    Look(0.7, colour_noise=0.2, detail=0.5, grain=0.8),
)
_KINDS = ((np.uint8, 3, 0), (np.uint8, 1, 0), (np.uint16, 3, 10), (np.uint16, 1, 0), (np.float32, 3, 0))


def _pair(dtype: type = np.uint8, channels: int = 3, bits: int = 0, *, alpha: bool = False) -> tuple[Image, Pixels]:
    """Noise on a ramp with a grating in one corner that was taken away with it."""
    chance = np.random.default_rng(0)
    rows, columns = np.indices((150, 220))
    clean = (0.2 + 0.6 * columns / 220)[:, :, np.newaxis].repeat(channels, axis=2)
    grating = 0.1 * np.sin(rows * 1.1 + columns * 0.5) * (rows < 80) * (columns < 90)
    source = clean + grating[:, :, np.newaxis] + chance.normal(0, 0.06, clean.shape)
    if dtype is not np.float32:
        white = 2 ** (bits or np.iinfo(dtype).bits) - 1
        source, clean = (np.rint(np.clip(values, 0, 1) * white) for values in (source, clean))
    source, clean = source.astype(dtype), clean.astype(dtype)
    opacity = None
    if alpha:
        opacity = np.full(source.shape[:2], 9, dtype)
        opacity[20:40, 10:200] = 0
    return Image(source, alpha=opacity, bits=bits), clean


def _plainly(image: Image, clean: Pixels, looks: Looks, look: Look) -> np.ndarray:
    """The formula, all at once and in double precision."""
    source = image.pixels.astype(np.float64)
    removed = source - clean
    neutral = removed.mean(axis=2, keepdims=True)
    height, width = source.shape[:2]
    down, across = ((np.arange(length) - 7.5) / 16 for length in (height, width))
    blocks = looks.texture
    columns = np.array([np.interp(across, np.arange(blocks.shape[1]), row) for row in blocks])
    texture = np.array([np.interp(down, np.arange(blocks.shape[0]), column) for column in columns.T]).T[..., None]
    brightness = np.clip(clean.astype(np.float32).mean(axis=2) / image.white * 255, 0, 255).astype(int)
    grain = looks.grain.strip(0, 0, height, width) * looks.grain.amounts[brightness]
    kept = look.colour_noise * (removed - neutral) + neutral * (1 - look.detail * texture)
    return np.asarray(source - look.strength * (kept - look.grain * grain[..., None]))


@pytest.mark.parametrize(("dtype", "channels", "bits"), _KINDS)
@pytest.mark.parametrize("look", _LOOKS)
def test_a_look_is_its_formula(dtype, channels, bits, look):
    image, clean = _pair(dtype, channels, bits)
    looks = Looks(image, clean)
    result = looks.render(look)
    expected = _plainly(image, clean, looks, look)
    assert result.dtype == dtype
    if dtype is np.float32:
        assert np.abs(result - expected).max() < 2e-3  # the amount of grain is told in 256 steps
        assert np.abs(result - expected).mean() < 1e-5
    else:
        off = np.abs(result - np.clip(np.rint(expected), 0, image.white))
        assert off.max() <= max(1, image.white / 1000)
        assert off.mean() < 0.01 * max(1, image.white / 255)


@pytest.mark.parametrize(("dtype", "channels", "bits"), _KINDS)
def test_strength_0_is_the_source_and_full_strength_the_clean_picture_bit_for_bit(dtype, channels, bits):
    image, clean = _pair(dtype, channels, bits)
    looks = Looks(image, clean)
    for look in (Look(0.0), Look(0.0, 0.3, 0.5, 1.0)):
        assert np.array_equal(looks.render(look), image.pixels)
    assert np.array_equal(looks.render(Look()), clean)


def test_strength_moves_in_a_straight_line_and_never_back():
    image, clean = _pair(np.uint8)
    looks = Looks(image, clean)
    source = image.pixels.astype(int)
    before = np.zeros_like(source)
    # Where the formula leaves the range it is held there; whether a line is straight shows where it does not.
    full = looks.render(Look(1.0, 0.5, 0.5, 0.5)).astype(int) - source
    free = (np.abs(full) < 100) & (full + source > 0) & (full + source < 255)
    for strength in (0.1, 0.25, 0.5, 0.75, 0.9, 1.0):
        moved = looks.render(Look(strength, 0.5, 0.5, 0.5)).astype(int) - source
        assert np.abs(moved - strength * full)[free].max() <= 1
        assert (np.abs(moved) >= np.abs(before))[free].all()
        before = moved


def test_colour_noise_leaves_luma_alone():
    image, clean = _pair(np.float32)
    result = Looks(image, clean).render(Look(colour_noise=0.25))
    assert np.abs(result.mean(axis=2) - clean.mean(axis=2)).max() < 1e-5
    chroma, removed = result - result.mean(axis=2, keepdims=True), image.pixels - clean
    removed = removed - removed.mean(axis=2, keepdims=True)
    assert np.abs(chroma - 0.75 * removed).max() < 1e-5


def test_detail_gives_back_where_texture_was_hidden_and_not_on_flat_parts():
    image, clean = _pair(np.uint8)
    given = np.abs(Looks(image, clean).render(Look(detail=1.0)).astype(int) - clean).mean(axis=2)
    textured, flat = given[10:60, 10:70].mean(), given[100:, 110:].mean()
    assert textured > 3
    assert flat < 0.02 * textured


def test_detail_brings_the_picture_nearer_to_the_truth():
    image, clean = _pair(np.float32)
    rows, columns = np.indices((150, 220))
    grating = 0.1 * np.sin(rows * 1.1 + columns * 0.5) * (rows < 80) * (columns < 90)
    truth = clean.mean(axis=2) + grating
    with_detail = Looks(image, clean).render(Look(detail=1.0)).mean(axis=2)
    part = np.s_[10:60, 10:70]
    assert np.square(with_detail - truth)[part].mean() < 0.6 * np.square(clean.mean(axis=2) - truth)[part].mean()


def test_grain_is_neutral_and_as_strong_as_what_was_removed():
    image, clean = _pair(np.float32)
    added = Looks(image, clean).render(Look(grain=1.0)) - clean
    assert np.abs(added - added.mean(axis=2, keepdims=True)).max() < 1e-6
    part = np.s_[96:, 110:]
    removed = (image.pixels - clean).mean(axis=2)
    assert added[part].std() == pytest.approx(removed[part].std(), rel=0.1)


@pytest.mark.parametrize("alpha", [False, True])
def test_a_region_is_a_part_of_the_whole_look(alpha):
    image, clean = _pair(np.uint8, alpha=alpha)
    part = Region(17, 33, 101, 150)
    for look in (*_LOOKS, Look(), Look(0.0)):
        whole = Looks(image, clean).render(look)
        assert np.array_equal(Looks(image, clean).render(look, part), whole[17:118, 33:183])


def _mask() -> np.ndarray:
    """Black, white, and a gradient between them."""
    line = np.clip((np.arange(220) - 60) * 700, 0, 65535).astype(np.uint16)
    return np.broadcast_to(line, (150, 220)).copy()


@pytest.mark.parametrize(("dtype", "channels", "bits"), _KINDS)
@pytest.mark.parametrize("look", [Look(), *_LOOKS])
def test_a_mask_scales_the_strength_of_each_pixel(dtype, channels, bits, look):
    image, clean = _pair(dtype, channels, bits)
    looks, mask = Looks(image, clean), _mask()
    result, whole = looks.render(look, mask=mask), looks.render(look)
    assert np.array_equal(result[:, :61], image.pixels[:, :61])  # black
    assert np.array_equal(result[:, -60:], whole[:, -60:])  # white, to the last bit
    for column in (90, 120, 150):
        weaker = dataclasses.replace(look, strength=look.strength * mask[0, column] / 65535)
        expected = looks.render(weaker)[:, column].astype(float)
        assert np.abs(result[:, column] - expected).max() <= (1e-6 if dtype is np.float32 else 1)
    assert not np.array_equal(result[:, 100], image.pixels[:, 100])


def test_white_is_the_clean_value_of_a_float_to_the_last_bit():
    random = np.random.default_rng(3)
    source, clean = (random.random((40, 50, 3), np.float32) ** 4 for _ in range(2))
    white = np.full((40, 50), 65535, np.uint16)
    assert np.array_equal(Looks(from_numpy(source), clean).render(Look(), mask=white), clean)


def test_a_region_with_a_mask_is_a_part_of_the_whole():
    image, clean = _pair(np.uint8, alpha=True)
    looks = Looks(image, clean)
    for look in (Look(), *_LOOKS):
        whole, local = looks.render(look, mask=_mask()), _mask()[17:118, 33:183]
        part = looks.render(look, Region(17, 33, 101, 150), mask=local)
        assert np.array_equal(part, whole[17:118, 33:183])


def test_a_masked_look_can_take_the_place_of_the_clean_picture():
    image, clean = _pair(np.float32)
    for look in (Look(), *_LOOKS):
        expected, place = Looks(image, clean).render(look, mask=_mask()), clean.copy()
        Looks(image, place).render(look, mask=_mask(), out=place)
        assert np.array_equal(place, expected)


def test_small_strips_give_the_same_bits(monkeypatch):
    image, clean = _pair(np.uint8)
    expected = Looks(image, clean).render(_LOOKS[-1])
    monkeypatch.setattr("denoiser.engine.looks._VALUES_AT_ONCE", 3 * 220 * 7)
    assert np.array_equal(Looks(image, clean).render(_LOOKS[-1]), expected)


def test_a_look_can_take_the_place_of_the_clean_picture():
    image, clean = _pair(np.uint8)
    for look in (*_LOOKS, Look(0.0), Look()):
        expected = Looks(image, clean).render(look)
        place = clean.copy()
        assert Looks(image, place).render(look, out=place) is place
        assert np.array_equal(place, expected)


def test_what_is_handed_out_cannot_be_written_by_mistake():
    image, clean = _pair(np.uint8)
    with pytest.raises(ValueError, match="read-only"):
        Looks(image, clean).render(Look())[0, 0, 0] = 1


def test_colours_under_full_transparency_are_left_alone():
    image, clean = _pair(np.uint8, alpha=True)
    assert image.alpha is not None
    unseen = image.alpha == 0
    result = Looks(image, clean).render(_LOOKS[-1])
    assert np.array_equal(result[unseen], image.pixels[unseen])
    assert not np.array_equal(result[~unseen], image.pixels[~unseen])


def test_what_was_no_number_stays_and_spoils_nothing_beside_it():
    image, clean = _pair(np.float32)
    pixels = image.pixels.copy()
    pixels[5, 6] = [np.nan, np.inf, 0.5]
    cut = np.where(np.isfinite(pixels), clean, pixels)
    result = Looks(from_numpy(pixels), cut).render(_LOOKS[-1])
    assert np.isnan(result[5, 6, 0])
    assert result[5, 6, 1] == np.inf
    assert np.isfinite(np.delete(result.reshape(-1), [(5 * 220 + 6) * 3, (5 * 220 + 6) * 3 + 1])).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (33, 31), (47, 90)])
def test_tiny_pictures_have_looks_too(shape):
    chance = np.random.default_rng(0)
    source, clean = (chance.integers(0, 256, (*shape, 3)).astype(np.uint8) for _ in range(2))
    assert Looks(from_numpy(source), clean).render(_LOOKS[-1]).shape == source.shape


def test_the_options_of_a_cleaning_say_its_look():
    options = DenoiseOptions(strength=0.5, colour_noise=0.25, detail=0.125, grain=0.0625)
    assert options.look == Look(0.5, 0.25, 0.125, 0.0625)
    assert DenoiseOptions().look == Look()
    assert Look(0.3).is_plain
    assert not any(look.is_plain for look in _LOOKS[1:])


def test_a_session_writes_what_its_looks_show():
    image, _ = _pair(np.uint8, alpha=True)
    faint = DenoiseOptions(model="fast", device="cpu", precision="fp32", noise_level=15.0)
    chosen = DenoiseOptions(
        model="fast", device="cpu", precision="fp32", noise_level=15.0, strength=0.7, colour_noise=0.4, grain=0.5
    )
    shown = Looks(image, Session(faint).clean(image).image.pixels).render(chosen.look)
    assert np.array_equal(Session(chosen).clean(image).image.pixels, shown)
