"""Sorting and filtering of the open photos, and the facts in their files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_gui.model.library import Arrangement, Sorting, read_facts
from denoiser_gui.model.open_photos import OpenPhoto, OpenPhotos, PhotoFacts, PhotoStatus


def _photo(
    key: int, name: str, sigma: float | None = None, facts: PhotoFacts | None = None, **more: Any
) -> OpenPhoto:
    noise: Any = None if sigma is None else SimpleNamespace(sigma=sigma)
    return OpenPhoto(key, Path(name), name, noise=noise, facts=facts, **more)


_PHOTOS = (
    _photo(1, "b10.jpg", 3.0, PhotoFacts("Nikon D800", 3200, "2020:01:02 10:00:00"), status=PhotoStatus.SAVED),
    _photo(2, "b9.jpg", 12.0, PhotoFacts("Canon 5D", 100, "2019:01:02 10:00:00")),
    _photo(3, "A.png", None, PhotoFacts()),
    _photo(4, "c.png", 1.0, None, status=PhotoStatus.FAILED),
)


def _keys(arrangement: Arrangement) -> list[int]:
    return [photo.key for photo in arrangement.of(_PHOTOS)]


@pytest.mark.parametrize(
    ("sorting", "up", "down"),
    [
        (Sorting.OPENED, [1, 2, 3, 4], [4, 3, 2, 1]),
        (Sorting.NAME, [3, 2, 1, 4], [4, 1, 2, 3]),
        (Sorting.NOISE, [4, 1, 2, 3], [2, 1, 4, 3]),
        (Sorting.ISO, [2, 1, 3, 4], [1, 2, 3, 4]),
        (Sorting.CAMERA, [2, 1, 3, 4], [1, 2, 3, 4]),
        (Sorting.TAKEN, [2, 1, 3, 4], [1, 2, 3, 4]),
        (Sorting.STATUS, [2, 3, 1, 4], [4, 1, 2, 3]),
    ],
)
def test_each_order_is_natural_and_unknown_values_are_last(
    sorting: Sorting, up: list[int], down: list[int]
) -> None:
    assert _keys(Arrangement(sorting)) == up
    assert _keys(Arrangement(sorting, is_descending=True)) == down


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({}, [1, 2, 3, 4]),
        ({"camera": "Canon 5D"}, [2]),
        ({"iso": (100, 3200)}, [2]),
        ({"noise": (1.0, 12.0)}, [1, 4]),
        ({"status": PhotoStatus.SAVED}, [1]),
        ({"noise": (0.0, 100.0), "iso": (1, 1e6)}, [1, 2]),
    ],
)
def test_filters_leave_out_other_and_unknown_photos(filters: dict[str, Any], left: list[int]) -> None:
    arrangement = Arrangement(**filters)
    assert _keys(arrangement) == left
    assert arrangement.is_filtered == bool(filters)


def test_stepping_follows_the_shown_order_and_closing_finds_another_photo() -> None:
    photos = OpenPhotos()
    a, b, c = photos.add([Path("a"), Path("b"), Path("c")])
    photos.arrange(Arrangement(Sorting.NAME, is_descending=True).of)
    photos.make_current(b.key)
    assert photos.neighbour(1) == a and photos.neighbour(-1) == c
    photos.arrange(lambda every: tuple(photo for photo in every if photo.name == "a"))
    assert photos.shown == (a,) and photos.neighbour(1) == a, "from a photo that is not shown to the first"
    assert photos.add([Path("d")])[0] not in photos.shown, "new photos are filtered, too"
    photos.make_current(a.key)
    assert photos.close(a.key) in photos.all and photos.shown == ()


def test_facts_are_read_from_the_header(tmp_path: Path) -> None:
    import io

    from PIL import Image

    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS 5D"
    exif.get_ifd(0x8769).update({0x8827: 3200, 0x9003: "2019:01:02 10:00:00"})
    held = io.BytesIO()
    Image.new("RGB", (40, 30)).save(held, "jpeg", exif=exif)
    photo, plain, broken = (tmp_path / name for name in ("a.jpg", "b.png", "c.jpg"))
    photo.write_bytes(held.getvalue())
    imageio.write(from_numpy(np.zeros((8, 8, 3), np.uint8)), plain)
    broken.write_bytes(b"no image")
    assert read_facts(photo) == PhotoFacts("Canon EOS 5D", 3200, "2019:01:02 10:00:00")
    for path in (plain, broken, tmp_path / "missing.jpg", tmp_path / "latent.dlf"):
        assert read_facts(path) == PhotoFacts()
