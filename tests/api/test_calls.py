"""Every call takes every form of an image, gives the same form back, and refuses the rest with a hint."""

from __future__ import annotations

import inspect
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

import denoiser
from denoiser.errors import Cancelled, OutputFull, UnreadableImage, UnwritableImage, UsageError
from denoiser.events import CancelToken, TileDone
from denoiser.image import Image, from_numpy
from denoiser.options import DecodeOptions, DenoiseOptions, EncodeOptions

_OTHER_MODES = {"P": "RGB", "1": "L", "CMYK": "RGB"}  # what these Pillow modes become
_OPTIONS = {"denoise": DenoiseOptions(), "encode": EncodeOptions(lossless=True), "decode": DecodeOptions()}


@pytest.fixture
def quick(tiny_weights: Path) -> dict[str, Any]:
    """Keywords for the network of the tests, whose result differs from its input in most pixels."""
    return {"model": str(tiny_weights), "device": "cpu", "precision": "fp32", "noise_level": 25}


def same_form(given: Any, result: Any) -> None:
    if isinstance(given, np.ndarray):
        assert type(result) is np.ndarray
        assert (result.shape, result.dtype) == (given.shape, given.dtype)
        assert result.flags.writeable and not np.shares_memory(result, given)
    elif isinstance(given, torch.Tensor):
        assert (result.shape, result.dtype, result.device) == (given.shape, given.dtype, given.device)
        assert result.is_contiguous()
    elif isinstance(given, PillowImage.Image):
        assert (result.mode, result.size) == (_OTHER_MODES.get(given.mode, given.mode), given.size)
    else:
        assert isinstance(result, Image) and (result.width, result.height) == (64, 64)


def as_floats(value: Any) -> np.ndarray[Any, Any]:
    return np.asarray(value.double() if isinstance(value, torch.Tensor) else value).astype(float)


# --- denoise ------------------------------------------------------------------------------------------------------


def test_denoise_gives_back_what_it_takes(one: Any, quick: dict[str, Any]) -> None:
    before = as_floats(one).copy() if isinstance(one, np.ndarray | torch.Tensor) else None
    result = denoiser.denoise(one, **quick)
    same_form(one, result)
    if before is not None:
        assert np.array_equal(as_floats(one), before), "the input is never changed"
        assert not np.array_equal(as_floats(result), before)
        limit = 1 if before.max() <= 1 else 255 if before.max() <= 255 else 65535
        assert as_floats(result).min() >= 0 and limit / 4 < as_floats(result).max() <= limit


def test_denoise_gives_a_stack_back(stack: Any, quick: dict[str, Any]) -> None:
    result = denoiser.denoise(stack, **quick)
    same_form(stack, result)
    for number in range(2):
        alone = denoiser.denoise(stack[number], **quick)
        assert np.array_equal(as_floats(result[number]), as_floats(alone))


def test_all_forms_get_the_same_pixels(photo: Any, quick: dict[str, Any], tmp_path: Path) -> None:
    wanted = denoiser.denoise(from_numpy(photo), **quick).pixels
    planes = torch.from_numpy(photo).permute(2, 0, 1)
    picture = PillowImage.fromarray(photo)
    picture.save(tmp_path / "a.png")
    assert np.array_equal(denoiser.denoise(photo, **quick), wanted)
    assert np.array_equal(denoiser.denoise(planes, **quick).permute(1, 2, 0), wanted)
    assert np.array_equal(np.asarray(denoiser.denoise(picture, **quick)), wanted)
    assert np.array_equal(denoiser.denoise(tmp_path / "a.png", **quick).pixels, wanted)
    assert denoiser.denoise(photo / 255, **quick) * 255 == pytest.approx(wanted.astype(float), abs=0.6)


def test_a_mask_in_every_form_keeps_black_areas(photo: Any, quick: dict[str, Any], tmp_path: Path) -> None:
    height, width = photo.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    mask[:, width // 2 :] = 255
    denoiser.save_image(mask, tmp_path / "mask.png")
    plain = denoiser.denoise(photo, **quick)
    for form in (mask, torch.from_numpy(mask), PillowImage.fromarray(mask), tmp_path / "mask.png"):
        result = denoiser.denoise(photo, mask=form, **quick)
        assert np.array_equal(result[:, : width // 2], photo[:, : width // 2])
        assert np.array_equal(result[:, width // 2 :], plain[:, width // 2 :])
    with pytest.raises(UnreadableImage, match="the mask: has"):
        denoiser.denoise(photo, mask=mask[1:], **quick)
    with pytest.raises(UsageError, match="takes one image, not a stack"):
        denoiser.denoise(np.stack([photo, photo]), mask=mask, **quick)


def test_what_is_not_changed_keeps_every_bit(quick: dict[str, Any]) -> None:
    values = np.random.default_rng(0).random((40, 50, 4))  # float64: more digits than the network has
    assert np.array_equal(denoiser.denoise(values, **quick | {"strength": 0}), values)
    cleaned = denoiser.denoise(values, **quick)
    assert np.array_equal(cleaned[:, :, 3], values[:, :, 3]), "alpha"


def test_an_empty_stack_is_empty(quick: dict[str, Any]) -> None:
    assert denoiser.denoise(np.zeros((0, 8, 8, 3), np.uint8), **quick).shape == (0, 8, 8, 3)


def test_float_images_of_the_class_may_go_beyond_white(quick: dict[str, Any], photo: Any) -> None:
    bright = from_numpy((photo / 100).astype(np.float32))
    assert denoiser.denoise(bright, **quick).pixels.max() > 1.5


_REFUSED: dict[str, tuple[Any, str, str]] = {
    "floats of 0-255": (np.full((8, 8), 255.0), "between 0 and 1", "image / 255"),
    "floats below 0": (np.full((8, 8), -0.1), "between 0 and 1", "from_numpy"),
    "NaN": (np.full((8, 8), np.nan), "NaN", "nan_to_num"),
    "tensor of 0-255": (torch.full((3, 8, 8), 255.0), "between 0 and 1", "image / 255"),
    "Pillow floats of 0-255": (PillowImage.fromarray(np.full((8, 8), 255, np.float32)), "between 0 and 1", "/ 255"),
    "int64": (np.zeros((8, 8), np.int64), "int64", "uint8"),
    "bool": (np.zeros((8, 8), bool), "bool", "astype"),
    "complex": (np.zeros((8, 8), complex), "complex128", "floats"),
    "channels first": (np.zeros((3, 8, 8), np.uint8), "3×8×8", "moveaxis"),
    "tensor with channels last": (torch.zeros(8, 8, 3), "8×8×3", "movedim"),
    "one line": (np.zeros(8), "The shape 8 ", "H×W"),
    "a number": (np.float64(0.5), "float64 is not an image", "np.asarray"),
    "five dimensions": (np.zeros((1, 1, 8, 8, 3)), "1×1×8×8×3", "N×H×W×C"),
    "no pixels": (np.zeros((0, 8, 3), np.uint8), "not empty", ""),
    "masked": (np.ma.masked_array(np.zeros((8, 8)), True), "masked", "filled"),
    "a gradient": (torch.zeros(3, 8, 8, requires_grad=True), "Gradients", "detach"),
    "a list": ([np.zeros((8, 8))], "list is not an image", "N×H×W×C"),
    "nothing": (None, "NoneType is not an image", "Pillow"),
    "text file": (io.StringIO("text"), "binary", '"rb"'),
}


@pytest.mark.parametrize("name", list(_REFUSED))
@pytest.mark.parametrize("call", [denoiser.denoise, denoiser.encode, denoiser.estimate_noise, denoiser.open_image])
def test_what_is_no_image_is_refused_with_a_hint(call: Any, name: str) -> None:
    value, message, hint = _REFUSED[name]
    options = {"lossless": True} if call is denoiser.encode else {}
    with pytest.raises(UsageError, match=message) as caught:
        call(value, **options)
    assert hint in caught.value.hint


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"absent\.png"):
        denoiser.denoise(tmp_path / "absent.png")
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UnreadableImage, match=r"a\.txt"), open(tmp_path / "a.txt", "rb") as file:
        denoiser.denoise(file)
    with pytest.raises(UnreadableImage, match="the data is empty"):
        denoiser.denoise(b"")
    with pytest.raises(UnreadableImage, match="cannot be read"), open(tmp_path / "b.png", "wb") as file:
        denoiser.denoise(file)


def test_progress_and_cancelling(photo: Any, quick: dict[str, Any]) -> None:
    events: list[Any] = []
    denoiser.denoise(photo, listener=events.append, **quick)
    denoiser.denoise(np.stack([photo, photo]), listener=events.append, **quick)
    assert len(events) == 3 and all(isinstance(event, TileDone) for event in events)
    cancel = CancelToken()
    cancel.cancel()
    for image in (photo, np.stack([photo, photo])):
        with pytest.raises(Cancelled):
            denoiser.denoise(image, cancel=cancel, **quick)


# --- options ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", list(_OPTIONS))
def test_options_and_keywords_are_the_same_and_never_both(call: str, photo: Any) -> None:
    function, options = getattr(denoiser, call), _OPTIONS[call]
    for given in ({"options": options, "device": "cpu"}, {"options": object()}, {"sigma": 25}, {"device": "tpu"}):
        with pytest.raises(UsageError) as caught:
            function(photo, **given)
        assert caught.value.hint
    fields = {name: getattr(options, name) for name in type(options).__dataclass_fields__}
    shown = inspect.signature(function).parameters
    assert set(fields) <= set(shown), "help() lists every keyword"
    if call == "denoise":
        assert np.array_equal(function(photo, options), function(photo, **fields))
    elif call == "encode":
        assert function(photo, options) == function(photo, **fields)
    else:
        data = denoiser.encode(photo, lossless=True)
        assert np.array_equal(function(data, options).pixels, function(data, **fields).pixels)


# --- the other calls ----------------------------------------------------------------------------------------------


def test_noise_is_estimated_in_every_form(one: Any) -> None:
    assert 0 <= denoiser.estimate_noise(one).luma < 130


def test_a_stack_gives_a_list_of_estimates(stack: Any) -> None:
    estimates = denoiser.estimate_noise(stack)
    assert [one.as_values() for one in estimates] == [denoiser.estimate_noise(s).as_values() for s in stack]


def test_every_form_is_encoded_and_decoded(one: Any, tmp_path: Path) -> None:
    image = denoiser.open_image(one)
    if image.bits == 32:
        with pytest.raises(UnwritableImage, match="float"):
            denoiser.encode(one, lossless=True)
        return
    if isinstance(one, io.IOBase):
        one.seek(0)
    data = denoiser.encode(one, lossless=True)
    path = tmp_path / "a.dlf"
    path.write_bytes(data)
    decoded = [denoiser.decode(each) for each in (data, bytearray(data), path, str(path), io.BytesIO(data))]
    with open(path, "rb") as file:
        decoded.append(denoiser.decode(file))
    assert all(np.array_equal(each.pixels, image.pixels) for each in decoded)


def test_floats_are_encoded_with_a_codec(photo: Any, tiny_codec: Path) -> None:
    words: dict[str, Any] = {"model": str(tiny_codec), "device": "cpu", "precision": "fp32"}
    for image in (photo / 255, torch.from_numpy(photo).permute(2, 0, 1) / 255):
        data = denoiser.encode(image, quality=60, **words)
        back = denoiser.decode(data, **words)
        assert back.bits == 32 and np.abs(back.pixels - photo / 255).mean() < 0.2


def test_a_stack_gives_a_list_of_files(photo: Any) -> None:
    first, second = denoiser.encode(np.stack([photo, photo[::-1]]), lossless=True)
    assert np.array_equal(denoiser.decode(first).pixels, photo)
    assert np.array_equal(denoiser.decode(second).pixels, photo[::-1])


def test_what_is_no_latent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a latent file") as caught:
        denoiser.decode(np.zeros(4))  # type: ignore[arg-type]
    assert "path" in caught.value.hint
    (tmp_path / "a.dlf").write_bytes(b"something")
    with pytest.raises(UnreadableImage, match=r"a\.dlf"):
        denoiser.decode(tmp_path / "a.dlf")


def test_every_form_is_opened_and_saved(one: Any, tmp_path: Path) -> None:
    image = denoiser.open_image(one)
    assert isinstance(image, Image) and (image.width, image.height) == (64, 64)
    if isinstance(one, io.IOBase):
        one.seek(0)
    denoiser.save_image(one, tmp_path / "out.tif")
    assert np.array_equal(denoiser.open_image(tmp_path / "out.tif").pixels, image.pixels)


def test_a_stack_is_not_one_image(stack: Any, tmp_path: Path) -> None:
    for call in (denoiser.open_image, lambda given: denoiser.save_image(given, tmp_path / "a.png")):
        with pytest.raises(UsageError, match="takes one image, not a stack") as caught:
            call(stack)
        assert "each image" in caught.value.hint


def test_files_are_saved_as_they_are_asked_for(photo: Any, tmp_path: Path) -> None:
    def saved(target: Any, **words: Any) -> str:
        denoiser.save_image(photo, target, **words)
        data = target.getvalue() if isinstance(target, io.BytesIO) else Path(target).read_bytes()
        kept = denoiser.open_image(data).origin
        assert kept
        return kept.format

    assert saved(io.BytesIO()) == "png"
    assert saved(io.BytesIO(), format="webp") == "webp"
    assert saved(str(tmp_path / "a.tiff"), format="tiff") == "tiff"
    assert saved(tmp_path / "no suffix", format="jpeg", quality=50) == "jpeg"
    with open(tmp_path / "b.jpg", "wb") as file:
        denoiser.save_image(photo, file)
    opened = denoiser.open_image(tmp_path / "b.jpg")
    assert opened.origin and opened.origin.format == "jpeg"
    again = io.BytesIO()
    denoiser.save_image(opened, again)
    assert again.getvalue().startswith(b"\xff\xd8"), "the format of the source"


def test_what_cannot_be_saved_is_refused(photo: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contradicts the format"):
        denoiser.save_image(photo, tmp_path / "a.png", format="jpeg")
    with pytest.raises(UsageError, match="no suffix"):
        denoiser.save_image(photo, tmp_path / "a")
    for target in (io.StringIO(), 5):
        with pytest.raises(UsageError, match="binary file object"):
            denoiser.save_image(photo, target)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    if Path("/dev/full").exists():
        with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OutputFull):
            denoiser.save_image(photo, full)

    class Short:
        def write(self, data: bytes, /) -> int:
            return len(data) - 1

    with pytest.raises(UnwritableImage, match="only"):
        denoiser.save_image(photo, Short())
