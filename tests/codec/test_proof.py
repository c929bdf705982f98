"""A file is proven by its symbols; what is forged with right checksums of bytes is found."""

from __future__ import annotations

import dataclasses

import pytest

from denoiser import encode
from denoiser.codec import container
from denoiser.codec.container import Tile
from denoiser.codec.proof import Prover
from denoiser.errors import DamagedLatent, UnknownWeights
from denoiser.options import EncodeOptions


def test_latents_exact_pixels_and_noise_are_proven(make_photo, asked, tiny_codec) -> None:
    prover = Prover(str(tiny_codec))
    for options in (asked(), asked(denoise=9.0), EncodeOptions(lossless=True)):
        prover.prove(container.read_bytes(encode(make_photo(100, 130, noise=9), options), "x"), "x")


def test_what_is_forged_is_found(make_photo, asked, tiny_codec) -> None:
    prover = Prover(str(tiny_codec))
    file = container.read_bytes(encode(make_photo(100, 130, noise=9), asked(denoise=9.0)), "x")
    tile = file.tiles[0]
    for tiles in ((Tile(tile.stream, tile.symbols_crc ^ 1),), (Tile(tile.stream[:-9], tile.symbols_crc),)):
        with pytest.raises(DamagedLatent, match=r"^a\.dlf"):
            prover.prove(dataclasses.replace(file, tiles=tiles), "a.dlf")


def test_without_the_weights_nobody_can_tell(make_photo, asked) -> None:
    file = container.read_bytes(encode(make_photo(100, 130), asked()), "x")
    with pytest.raises(UnknownWeights, match=r"^a\.dlf needs the codec weights"):
        Prover().prove(file, "a.dlf")
