"""Reference implementation of the range coder in plain integers, as docs/format.md describes it.

`symbols.py` uses constriction's coder, which is a thousand times as fast. Tests compare the two byte by byte,
so files stay readable even without that package. Not thread-safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from denoiser.errors import DamagedLatent

PRECISION = 24  # bits of a probability
_MASK = (1 << 64) - 1
_FULL = 1 << PRECISION


def edges(counts: Sequence[int]) -> list[int]:
    """Where each symbol of a table begins among 2^24 parts, and the end.

    Each symbol gets one part before the others are shared out by its count; the products are exact in double, since
    2^24 − n and the sums of counts have at most 24 and 17 bits, and so is the division by 2^16.
    """
    total, n = sum(counts), len(counts)
    shared = [(_FULL - n) * before // total + i for i, before in enumerate(accumulate(counts, initial=0))]
    return [*shared[:-1], _FULL]


@dataclass
class ReferenceEncoder:
    """Narrows [lower, lower + range) symbol by symbol, and writes words that can no longer change."""

    words: list[int] = field(default_factory=list)
    lower: int = 0  # of 64 bits, without the carry
    range: int = _MASK
    held: int = 0  # words that a carry can still change: the first as `first`, the others 2^32 − 1
    first: int = 0

    def encode(self, symbol: int, counts: Sequence[int]) -> None:
        """Encode one symbol, an index into *counts*."""
        borders = edges(counts)
        part = self.range >> PRECISION
        self.range = part * (borders[symbol + 1] - borders[symbol])
        lower = self.lower + part * borders[symbol]
        carry, self.lower = lower >> 64, lower & _MASK
        if self.held and (carry or self.lower + self.range <= _MASK):
            self._release(carry)
        if self.range < 1 << 32:
            word = self.lower >> 32
            self.lower, self.range = self.lower << 32 & _MASK, self.range << 32
            self._emit(word)

    def finish(self) -> list[int]:
        """Finish, and return the shortest sequence of words that decodes to the encoded symbols."""
        if self.range == _MASK:
            return []
        point = self.lower + 0xFFFFFFFF
        words, held = list(self.words), self.held
        carry, word = point >> 64, (point & _MASK) >> 32
        if held:
            words += self._held_words(carry)
        words.append(word)
        if ((self.lower + self.range) & _MASK) >> 32 == word:
            words.append(0)
        return words

    def _emit(self, word: int) -> None:
        if self.held:
            self.held += 1
        elif self.lower + self.range <= _MASK:
            self.words.append(word)
        else:
            self.held, self.first = 1, word

    def _release(self, carry: int) -> None:
        self.words += self._held_words(carry)
        self.held = 0

    def _held_words(self, carry: int) -> list[int]:
        return [self.first + carry] + [0 if carry else 0xFFFFFFFF] * (self.held - 1)


class ReferenceDecoder:
    """Decodes symbols from words."""

    def __init__(self, words: Sequence[int]) -> None:
        self._words = list(words)
        self._lower, self._range, self._point = 0, _MASK, 0
        self._read = 0
        self._shift()
        self._shift()

    def decode(self, counts: Sequence[int]) -> int:
        """The next symbol, an index into *counts*; raises DamagedLatent for words that no encoder writes."""
        borders = edges(counts)
        part = self._range >> PRECISION
        quantile = ((self._point - self._lower) & _MASK) // part
        if quantile >= _FULL:
            raise DamagedLatent("corrupt: a symbol stream is invalid")
        symbol = next(i for i in range(len(counts)) if quantile < borders[i + 1])
        self._lower = (self._lower + part * borders[symbol]) & _MASK
        self._range = part * (borders[symbol + 1] - borders[symbol])
        if self._range < 1 << 32:
            self._lower, self._range = self._lower << 32 & _MASK, self._range << 32
            self._shift()
        return symbol

    @property
    def at_end(self) -> bool:
        """Whether all words are read, and end as an encoder would have ended them."""
        near = ((self._point - self._lower) & _MASK) < (1 << 33) - 1
        return self._read >= len(self._words) and (near or self._range == _MASK)

    def _shift(self) -> None:
        word = self._words[self._read] if self._read < len(self._words) else 0
        self._point = (self._point << 32 | word) & _MASK
        self._read += 1
