"""Checksums are those of zip and PNG, and do not depend on how a machine stores its numbers."""

from __future__ import annotations

import numpy as np

from denoiser.codec.entropy.checksums import crc_of_bytes, crc_of_symbols


def test_bytes_have_the_well_known_checksum() -> None:
    assert crc_of_bytes(b"123456789") == 0xCBF43926
    assert crc_of_bytes(b"6789", crc_of_bytes(b"12345")) == 0xCBF43926


def test_symbols_are_summed_as_pairs_of_bytes_whatever_they_are_stored_in() -> None:
    wanted = crc_of_bytes(bytes([1, 0, 255, 255, 0, 128]))
    for kind in ("<i2", ">i2", "<i4", ">i8"):
        assert crc_of_symbols(np.array([1, -1, -32768], kind)) == wanted
    assert crc_of_symbols(np.array([-1, -32768]), crc_of_symbols(np.array([1]))) == wanted


def test_symbols_of_any_layout_are_summed_in_their_order() -> None:
    square = np.arange(6).reshape(2, 3)
    assert crc_of_symbols(square.T) == crc_of_symbols(np.array([0, 3, 1, 4, 2, 5]))
