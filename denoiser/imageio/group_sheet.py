"""Contact sheets of groups of images: a heading for each group, then thumbnails with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from denoiser.errors import UnusableData
from denoiser.image import Image, from_numpy
from denoiser.imageio.backends import libvips
from denoiser.imageio.sheet import BACKGROUND, FAINT, INK, text

_CELL, _COLUMNS = (150, 156), 8  # width and height of a cell: a thumbnail and its caption
_MARGIN, _HEADING = 20, 30
_CAPTION = 20  # letters


@dataclass(frozen=True, slots=True)
class Group:
    """One group: *thumbnails* are WebP files of at most 128 by 128 pixels, each with a caption."""

    title: str
    thumbnails: tuple[bytes, ...]
    captions: tuple[str, ...]


def group_sheet(groups: Sequence[Group]) -> Image:
    """The groups below each other as an 8-bit image."""
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    if not groups:
        raise UnusableData("No similar images for the sheet.", hint="Leave out --out.")
    heights = [_HEADING + -(-len(group.thumbnails) // _COLUMNS) * _CELL[1] for group in groups]
    columns = min(_COLUMNS, max(3, *(len(group.thumbnails) for group in groups), 3))
    sheet = PillowImage.new("RGB", (2 * _MARGIN + columns * _CELL[0], 2 * _MARGIN + sum(heights)), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    top = _MARGIN
    for group, height in zip(groups, heights, strict=True):
        text(draw, (_MARGIN, top), group.title, 16, INK)
        for number, (thumbnail, caption) in enumerate(zip(group.thumbnails, group.captions, strict=True)):
            left = _MARGIN + number % _COLUMNS * _CELL[0]
            place = top + _HEADING + number // _COLUMNS * _CELL[1]
            pixels = libvips.glance(thumbnail, "webp", 128)[:, :, :3]
            sheet.paste(PillowImage.fromarray(np.ascontiguousarray(pixels)), (left, place + 128 - pixels.shape[0]))
            shown = caption if len(caption) <= _CAPTION else f"{caption[: _CAPTION - 3]}..."
            text(draw, (left, place + 131), shown, 12, FAINT)
        top += height
    return from_numpy(np.asarray(sheet))
