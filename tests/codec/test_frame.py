"""All but the pixels; and whether exact pixels are worth a try."""

from __future__ import annotations

import numpy as np

from denoiser.codec import container, exact
from denoiser.codec.frame import exact_file, frame_of, may_be_exact_within
from denoiser.image import Cicp, Image, Metadata, Origin
from denoiser.options import EncodeOptions


def test_the_frame_says_all_but_the_pixels(make_photo) -> None:
    photo = Image(make_photo(20, 30).pixels, metadata=Metadata(comment="mine"), origin=Origin("tiff", "rgb"))
    frame = frame_of(photo, EncodeOptions())
    assert (frame["width"], frame["height"], frame["channels"], frame["bits"]) == (30, 20, 3, 8)
    assert frame["metadata"].comment == "mine" and frame["source"].format == "tiff" and frame["thumbnail"] is None
    assert exact_file(photo, EncodeOptions(strip=True)).metadata == Metadata()
    hdr = container.write(exact_file(Image(photo.pixels, cicp=Cicp(9, 16)), EncodeOptions(strip=True)))
    assert container.read_bytes(hdr, "a.dlf").cicp == Cicp(9, 16)
    unknown = Image(photo.pixels, origin=Origin("ppm", "rgb"))
    assert frame_of(unknown, EncodeOptions())["source"] is None, "no number stands for it in files"


def test_a_look_at_crops_tells_flat_pictures_from_photos(make_photo) -> None:
    photo, flat = make_photo(700, 900), Image(np.full((700, 900, 3), 7, np.uint8))
    assert may_be_exact_within(flat, 10_000) and not may_be_exact_within(photo, 10_000)
    assert may_be_exact_within(photo, photo.pixels.nbytes)
    ramps = [
        np.broadcast_to(each, (700, 900)) for each in (np.arange(900) // 4, np.arange(700)[:, np.newaxis] // 3)
    ]
    smooth = Image(np.dstack([*ramps, ramps[0]]).astype(np.uint8))
    assert may_be_exact_within(smooth, len(exact.encode(smooth).data) + 100), "crops have a header each"
    assert may_be_exact_within(make_photo(100, 100), 1), "small ones are tried whatever they look like"
    assert not may_be_exact_within(make_photo(100, 100, bits=32), 10**9), "float is never exact"
