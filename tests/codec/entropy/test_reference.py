"""The coder that is used and the plain one write the same words and read the same symbols."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from constriction import stream
from reference_range_coder import ReferenceDecoder, ReferenceEncoder, edges

from denoiser.codec.entropy.tables import CodingTables
from denoiser.errors import DamagedLatent


@pytest.mark.parametrize("seed", range(6))
def test_words_are_the_same(tables: CodingTables, seed: int) -> None:
    dice = np.random.default_rng(seed)
    held = 0
    for _ in range(60):
        numbers = dice.integers(0, 64, int(dice.integers(0, 60)))
        fast, plain, places = stream.queue.RangeEncoder(), ReferenceEncoder(), []
        for number in numbers:
            row = tables.scales.row(number)
            place = int(dice.choice(len(row), p=row / row.sum())) if dice.random() < 0.8 else len(row) - 1
            places.append(place)
            fast.encode(np.array([place], np.int32), tables.scales.model(number))
            plain.encode(place, row.tolist())
            held += plain.held > 0
        words = plain.finish()
        assert words == fast.get_compressed().tolist()
        decoder = ReferenceDecoder(words)
        assert [decoder.decode(tables.scales.row(number).tolist()) for number in numbers] == places
        assert decoder.at_end
    assert held, "no word was held back for a carry: this test tried less than it says"


def test_words_that_no_encoder_wrote_are_refused_by_both(tables: CodingTables) -> None:
    words = [0xFFFFFFFF] * 3
    with pytest.raises(DamagedLatent):
        ReferenceDecoder(words).decode(tables.scales.row(0).tolist())
    with pytest.raises(AssertionError):
        stream.queue.RangeDecoder(np.array(words, np.uint32)).decode(tables.scales.model(0))


@pytest.mark.parametrize("seed", range(4))
def test_random_words_are_read_alike(tables: CodingTables, seed: int) -> None:
    dice = np.random.default_rng(seed)
    words = dice.integers(0, 1 << 32, int(dice.integers(0, 9)), dtype=np.uint32)
    fast, plain = stream.queue.RangeDecoder(words), ReferenceDecoder(words.tolist())
    for number in dice.integers(0, 64, 200):
        assert fast.decode(tables.scales.model(number)) == plain.decode(tables.scales.row(number).tolist())
        assert fast.maybe_exhausted() == plain.at_end


def test_every_symbol_has_a_part_and_all_parts_are_given(tables: CodingTables) -> None:
    for number in range(64):
        borders = edges(tables.scales.row(number).tolist())
        assert (borders[0], borders[-1]) == (0, 1 << 24)
        assert min(after - before for before, after in pairwise(borders)) >= 1
