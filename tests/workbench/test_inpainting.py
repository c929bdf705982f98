"""Inpainting: masked pixels come from their surroundings, all others stay, in every depth and in files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.batch import Settings
from denoiser.errors import Cancelled, ForeignOutput, UnusableData
from denoiser.events import CancelToken, Event, TileDone
from denoiser.image import Metadata, Pixels, from_numpy
from denoiser.options import BatchOptions, InpaintOptions
from denoiser.workbench.inpainting import Inpainter, Mask, inpaint, mask_of, restore_images

OPTIONS = InpaintOptions(steps=6, device="cpu")


def edge(height: int = 96, width: int = 120) -> Pixels:
    """A soft diagonal edge between two colours (H, W, 3) in 0..1."""
    rows, columns = np.mgrid[:height, :width]
    share = 1 / (1 + np.exp(-(columns - width / 2 - (rows - height / 2) * 0.7) / 1.5))
    colours = np.array([0.2, 0.3, 0.6]), np.array([0.8, 0.6, 0.2])
    return ((1 - share[..., np.newaxis]) * colours[0] + share[..., np.newaxis] * colours[1]).astype(np.float32)


def scratch(shape: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape[:2], np.bool_)
    mask[shape[0] // 2 - 3 : shape[0] // 2 + 3] = True
    mask[:6, :6] = True  # and a corner
    return mask


def in_depth(values: Pixels, dtype: str) -> Pixels:
    if dtype == "float32":
        return values
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 0), ("uint8", 3), ("uint16", 4), ("float32", 1)])
def test_an_edge_continues_through_the_hole_and_the_rest_stays(dtype: str, channels: int) -> None:
    whole = in_depth(edge(), dtype)
    whole = {0: whole[..., 0], 1: whole[..., :1], 3: whole}.get(channels, np.dstack([whole, whole[..., 0]]))
    mask = scratch(whole.shape)
    holed = whole.copy()
    holed[mask] = 0
    filled = inpaint(holed, mask, OPTIONS)
    assert filled.shape == whole.shape and filled.dtype == whole.dtype
    assert np.array_equal(filled[~mask], holed[~mask])
    colours = (..., slice(None, 3)) if channels == 4 else ...
    white = 1.0 if dtype == "float32" else np.iinfo(dtype).max
    error = (filled[mask].astype(np.float64) - whole[mask].astype(np.float64))[colours] / white
    assert np.sqrt(np.mean(error**2)) < 0.03
    if channels == 4:
        assert np.array_equal(filled[..., 3], holed[..., 3])


def test_what_is_below_the_mask_has_no_effect() -> None:
    whole = in_depth(edge(), "uint8")
    mask = scratch(whole.shape)
    black, white = whole.copy(), whole.copy()
    black[mask], white[mask] = 0, 255
    assert np.array_equal(inpaint(black, mask, OPTIONS), inpaint(white, mask, OPTIONS))


def test_the_seed_decides_and_nothing_else() -> None:
    whole = in_depth(edge(), "uint8")
    mask = scratch(whole.shape)
    first = inpaint(whole, mask, OPTIONS)
    assert np.array_equal(inpaint(whole, mask, OPTIONS), first)
    assert not np.array_equal(inpaint(whole, mask, InpaintOptions(steps=6, device="cpu", seed=1)), first)


def test_only_windows_with_holes_are_computed() -> None:
    image = from_numpy(np.full((600, 600, 3), 90, np.uint8))
    mask = np.zeros((600, 600), np.bool_)
    mask[5, 5] = mask[595, 595] = True
    events: list[Event] = []
    filled = Inpainter(InpaintOptions(steps=3, device="cpu")).fill(image, mask, listener=events.append)
    assert [event.total for event in events if isinstance(event, TileDone)] == [3, 3, 3]  # a batch of two windows
    assert abs(int(filled.pixels[595, 595, 0]) - 90) <= 2


def test_masks_of_another_size_and_full_ones_are_refused() -> None:
    inpainter = Inpainter(OPTIONS)
    image = from_numpy(np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(UnusableData, match="20 x 30 pixels, the image 30 x 20"):
        inpainter.fill(image, np.zeros((30, 20), np.bool_))
    with pytest.raises(UnusableData, match="covers the whole image"):
        inpainter.fill(image, np.ones((20, 30), np.bool_))
    assert inpainter.fill(image, np.zeros((20, 30), np.bool_)) is image


def test_a_cancel_stops_between_windows() -> None:
    cancel = CancelToken()
    image = from_numpy(in_depth(edge(), "uint8"))
    with pytest.raises(Cancelled):
        Inpainter(OPTIONS).fill(image, scratch((96, 120)), listener=lambda _event: cancel.cancel(), cancel=cancel)


def test_white_of_a_mask_is_more_than_half() -> None:
    mask = mask_of(from_numpy(np.array([[0, 127, 128, 255]], np.uint8)))
    assert mask.tolist() == [[False, False, True, True]]


def write_mask(path: Path, mask: Mask) -> None:
    imageio.write(from_numpy(mask.astype(np.uint8) * 255), path)


def test_a_folder_keeps_names_depth_and_metadata_and_takes_masks_of_the_same_name(tmp_path: Path) -> None:
    whole = from_numpy(in_depth(edge(), "uint16"))
    mask = scratch((96, 120))
    imageio.write(dataclasses.replace(whole, metadata=Metadata(xmp=b"<x:xmpmeta/>")), tmp_path / "imgs" / "a.tif")
    imageio.write(whole, tmp_path / "imgs" / "deep" / "b.png")
    imageio.write(whole, tmp_path / "imgs" / "without.png")
    write_mask(tmp_path / "masks" / "a.png", mask)
    write_mask(tmp_path / "masks" / "deep" / "b.png", np.zeros_like(mask))
    out = tmp_path / "out"
    report = restore_images([tmp_path / "imgs"], tmp_path / "masks", out, OPTIONS)
    assert (report.done, report.exit_code) == (2, 1)
    assert [failure.error.message for failure in report.failures] == [
        f"{tmp_path}/imgs/without.png: no mask of this name in {tmp_path}/masks."
    ]
    restored = imageio.read(out / "a.tif")
    assert restored.bits == 16 and restored.metadata.xmp == b"<x:xmpmeta/>"
    assert np.array_equal(restored.pixels[~mask], whole.pixels[~mask])
    assert not np.array_equal(restored.pixels[mask], whole.pixels[mask])
    assert np.array_equal(imageio.read(out / "deep" / "b.png").pixels, whole.pixels)


def test_an_output_is_replaced_only_on_request(tmp_path: Path) -> None:
    source, mask, out = tmp_path / "a.png", tmp_path / "mask.png", tmp_path / "b.png"
    imageio.write(from_numpy(in_depth(edge(), "uint8")), source)
    write_mask(mask, scratch((96, 120)))
    out.write_bytes(b"mine")
    with pytest.raises(ForeignOutput, match="already exists"):
        restore_images([source], mask, out, OPTIONS)
    assert out.read_bytes() == b"mine"
    report = restore_images([source], mask, out, OPTIONS, Settings(batch=BatchOptions(overwrite=True)))
    assert report.done == 1 and imageio.read(out).width == 120
