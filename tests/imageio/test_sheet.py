"""The comparison sheet: crops have the pixels of the images, and every panel is in its place."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.errors import UnusableData
from denoiser.image import Image, from_numpy
from denoiser.imageio.sheet import Row, SheetPanel, SheetStrip, contact_sheet, drawn


def picture(seed: int, height: int = 300, width: int = 400, channels: int = 3) -> Image:
    random = np.random.default_rng(seed)
    return from_numpy(random.integers(0, 256, (height, width, channels), np.uint8))


def holds(sheet: Image, part: np.ndarray) -> bool:
    """Whether the sheet shows exactly these pixels somewhere."""
    height, width = part.shape[:2]
    for top, left in np.argwhere((sheet.pixels == part[0, 0]).all(axis=2)):
        if np.array_equal(sheet.pixels[top : top + height, left : left + width], part):
            return True
    return False


def test_small_images_are_shown_whole_and_enlarged() -> None:
    noisy, clean = picture(1, 12, 12), picture(2, 12, 12)
    sheet = contact_sheet([Row("tiny", noisy, clean)])
    for image in (noisy, clean):
        enlarged = image.pixels.repeat(4, axis=0).repeat(4, axis=1)
        assert holds(sheet, enlarged[:24, :24])
    taken = np.clip(128 + 3 * (noisy.pixels.astype(int) - clean.pixels), 0, 255).astype(np.uint8)
    assert holds(sheet, taken.repeat(4, axis=0).repeat(4, axis=1)[:24, :24])


def test_a_reference_adds_a_column_and_each_image_a_row() -> None:
    two = contact_sheet([Row("a", picture(1), picture(2)), Row("b", picture(3), picture(4))])
    one = contact_sheet([Row("a", picture(1), picture(2))])
    three = contact_sheet([Row("a", picture(1), picture(2), picture(3), "PSNR 1", "PSNR 2")])
    assert (three.width - one.width, three.height) == (328, one.height)
    assert two.height > 1.8 * one.height and two.width == one.width


def test_grey_and_deep_images_are_shown_in_8_bits() -> None:
    deep = from_numpy(np.full((50, 50, 1), 0x8080, np.uint16))
    sheet = contact_sheet([Row("deep", deep, deep)])
    assert holds(sheet, np.full((20, 20, 3), 0x80, np.uint8))


def test_the_crop_shows_the_part_with_edges() -> None:
    pixels = np.full((1000, 1000, 3), 90, np.uint8)
    pixels[700:740, 600:640] = picture(1, 40, 40).pixels
    image = from_numpy(pixels)
    assert holds(contact_sheet([Row("corner", image, image)]), pixels[705:725, 605:625])


def test_the_same_sheet_each_time() -> None:
    sheets = [contact_sheet([Row("Größe\n\udcff 日本", picture(1), picture(2))]).pixels for _ in range(2)]
    assert np.array_equal(*sheets)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [Row("sizes", picture(1), picture(2, 20, 20))],
        [Row("reference", picture(1), picture(2), picture(3, 20, 20))],
    ],
)
def test_what_cannot_be_compared(rows: list[Row]) -> None:
    with pytest.raises(UnusableData):
        contact_sheet(rows)


def test_a_strip_shows_all_panels_at_the_place_that_its_guide_chooses() -> None:
    flat = np.full((600, 600, 3), 90, np.uint8)
    truth = flat.copy()
    truth[400:440, 300:340] = picture(1, 40, 40).pixels
    marked = flat.copy()
    marked[405:425, 305:325] = picture(2, 20, 20).pixels
    strip = SheetStrip("scene", (SheetPanel("other", marked), SheetPanel("truth", truth, "exact")), guide=1)
    assert holds(drawn([strip]), marked[405:425, 305:325])
    assert drawn([strip, strip]).height > 1.8 * drawn([strip]).height
