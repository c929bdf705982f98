from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest

from denoiser.engine.session import Session
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.options import DenoiseOptions
from denoiser_gui.model.partial_result import NoiseByLevel, PartialResult
from denoiser_gui.model.pyramid import ImagePyramid, make_pyramid
from denoiser_gui.model.rendering import Renderer
from denoiser_gui.model.requests import PreviewRequest, ReplacementImage, State, View
from denoiser_gui.model.viewport import viewport_of

FAST = DenoiseOptions(noise_level=18.0, precision="fp32", tile=192)


def _image(height: int = 260, width: int = 360) -> Image:
    from skimage import data

    noise = np.random.default_rng(6).normal(size=(height, width, 3)) * 18
    return from_numpy(np.clip(np.rint(data.coffee()[:height, :width] + noise), 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def result() -> PartialResult:
    pyramid = make_pyramid(1, _image())
    done = PartialResult(pyramid, Session(FAST), 18.0, NoiseByLevel(pyramid))
    while done.clean_next(None, CancelToken()):
        pass
    return done


def _request(pyramid: ImagePyramid, view: View = View.SPLIT, scale: float = 1.0, **words: object) -> PreviewRequest:
    viewport = viewport_of(pyramid.image.width, pyramid.image.height, 200, 150).at_scale(scale)
    return PreviewRequest(1, pyramid, FAST, viewport, view, **words)  # type: ignore[arg-type]


def test_before_the_first_tile_the_source_is_shown_as_waiting() -> None:
    pyramid = make_pyramid(1, _image())
    frame = Renderer().frame(_request(pyramid), None)
    assert frame.state is State.WAITING and np.array_equal(frame.left, frame.right)
    assert frame.left.shape[:2] == (frame.region.height, frame.region.width) and np.all(frame.left[:, :, 3] == 255)


@pytest.mark.parametrize("gain", [1, 4, 16])
def test_the_difference_is_amplified_around_grey(result: PartialResult, gain: int) -> None:
    frame = Renderer().frame(_request(result.pyramid, View.DIFFERENCE, gain=gain), result)
    removed = frame.left_values.astype(int) - frame.right_values
    assert np.array_equal(frame.right[:, :, 2::-1], np.clip(128 + gain * removed, 0, 255))


def test_the_overview_counts_clipped_pixels() -> None:
    pixels = np.full((40, 50, 3), 100, np.uint8)
    pixels[:10, :, 0] = 0
    pixels[:4, :, 2] = 255
    pixels[30:, :, 1] = 255
    overview = Renderer().overview(_request(make_pyramid(1, from_numpy(pixels))), None)
    assert overview.clipped_before == overview.clipped_after == pytest.approx((0.25, 0.35))
    deep = from_numpy(np.full((20, 20, 1), 65_535, np.uint16))
    assert Renderer().overview(_request(make_pyramid(2, deep)), None).clipped_before == (0.0, 1.0)


def test_only_areas_of_low_trust_are_tinted(result: PartialResult) -> None:
    renderer = Renderer()
    plain = renderer.frame(_request(result.pyramid), result)
    result.measure_trust()
    assert result.trust is not None
    believed = result.trust
    tinted = renderer.frame(_request(result.pyramid, View.TRUST), result)
    assert tinted.right.shape == plain.right.shape
    try:
        result.trust = dataclasses.replace(believed, map=np.zeros_like(believed.map))
        amber = renderer.frame(_request(result.pyramid, View.TRUST), result).right[:, :, :3].astype(int)
        result.trust = dataclasses.replace(believed, map=np.ones_like(believed.map))
        untouched = renderer.frame(_request(result.pyramid, View.TRUST), result)
    finally:
        result.trust = believed
    assert np.array_equal(untouched.right, plain.right)
    blue, _, red = amber.reshape(-1, 3).mean(axis=0)
    assert red > blue + 80


@pytest.mark.parametrize("scale", [0.31, 0.5, 0.75])
def test_a_zoomed_out_frame_has_the_size_of_its_area_on_screen(result: PartialResult, scale: float) -> None:
    frame = Renderer().frame(_request(result.pyramid, View.SPLIT, scale), result)
    assert frame.state is State.EXACT
    height, width = frame.right.shape[:2]
    assert height == round(frame.region.height * frame.request.viewport.scale)
    assert width == round(frame.region.width * frame.request.viewport.scale)
    whole = result.pixels(0, frame.region)[0].astype(float).mean(axis=(0, 1))
    assert frame.right_values.mean(axis=(0, 1)) == pytest.approx(whole, abs=1.5)


def test_a_replacement_image_is_replacements_of_the_photo(result: PartialResult) -> None:
    other = from_numpy(np.full((260, 360, 3), 40, np.uint8))
    request = _request(result.pyramid, left=ReplacementImage("as JPEG", other))
    frame = Renderer().frame(request, result)
    assert np.all(frame.left_values == 40) and not np.all(frame.right_values == 40)


def test_transparency_shows_a_checkerboard() -> None:
    image = _image()
    see_through = from_numpy(np.dstack([image.pixels, np.zeros((260, 360, 1), np.uint8)]))
    frame = Renderer().frame(_request(make_pyramid(1, see_through)), None)
    assert set(np.unique(frame.left[:, :, :3])) == {96, 128}


def test_colours_are_converted_to_the_display_profile(result: PartialResult) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    other = bytearray(profile.replace(b"s\0R\0G\0B", b"o\0t\0h\0r").replace(b"sRGB", b"othr"))
    tags = {
        bytes(other[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i
        for i in range(int.from_bytes(other[128:132], "big"))
    }
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    other[red + 4 : red + 12], other[green + 4 : green + 12] = (
        other[green + 4 : green + 12],
        other[red + 4 : red + 12],
    )
    assert ImageCms.ImageCmsProfile(io.BytesIO(bytes(other)))
    renderer = Renderer()
    plain = renderer.frame(_request(result.pyramid), result)
    turned = renderer.frame(_request(result.pyramid, display_profile=bytes(other)), result)
    assert np.array_equal(plain.right_values, turned.right_values), "only the screen changes"
    assert not np.array_equal(plain.right, turned.right)


def test_the_overview_counts_every_pixel_before_and_after(result: PartialResult) -> None:
    overview = Renderer().overview(_request(result.pyramid), result)
    assert overview.before.shape == overview.after.shape == (3, 64)
    assert overview.before.sum(axis=1) == pytest.approx([1, 1, 1])
    assert not np.array_equal(overview.before, overview.after)


def test_grey_float_and_tiny_photos_are_shown_too() -> None:
    for pixels in (
        np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8),
        np.random.default_rng(0).random((40, 50, 3), dtype=np.float32) * 1.5,
        np.array([[[1, 2, 3]]], np.uint16),
    ):
        pyramid = make_pyramid(1, from_numpy(pixels))
        frame = Renderer().frame(_request(pyramid), None)
        assert frame.left.dtype == np.uint8 and frame.left.shape[2] == 4
        assert Renderer().overview(_request(pyramid), None).left.shape[2] == 4


def test_pixel_values_are_in_the_bit_depth_of_the_photo() -> None:
    pixels = np.random.default_rng(0).integers(0, 65535, (90, 120, 3), dtype=np.uint16)
    pyramid = make_pyramid(1, from_numpy(pixels))
    viewport = viewport_of(120, 90, 40, 30)
    frame = Renderer().frame(PreviewRequest(1, pyramid, FAST, viewport.at_scale(4.0)), None)
    for x, y in ((56.0, 44.2), (57.9, 44.99), (60.5, 46.0)):
        values = frame.values_at(x, y)
        assert values is not None and values[0] == tuple(pixels[int(y), int(x)])
    frame = Renderer().frame(PreviewRequest(1, pyramid, FAST, viewport.at_scale(0.2)), None)
    assert frame.values_at(10.0, 10.0) is not None
    for x, y in ((-1.0, 5.0), (5.0, 90.0), (120.0, 0.0)):
        assert frame.values_at(x, y) is None
