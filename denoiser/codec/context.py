"""Entropy coding of one tile with the context model: latents to bytes, bytes to symbols, symbols to latents.

    y ─► gain ─► v ─► hyper-analysis ─► z ──► features ──┐
                 └─► four times: symbols = round(v - mean); table from features and symbols so far ─► coder

Tables are computed with integers only, so symbols decode without floats and without torch. Means are floats: if
machines round them differently, pixels differ slightly, but the symbols do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from denoiser.codec.entropy.symbols import HIGHEST, HYPER_HIGHEST, LOWEST, SymbolDecoder, SymbolEncoder
from denoiser.codec.model import CodecModel, ExactPart

if TYPE_CHECKING:
    from torch import Tensor

    from denoiser.codec.container import TileStream

Symbols = NDArray[np.int32]
Latents = NDArray[np.float32]

# Positions of the passes in a 2 x 2 square, as in networks.codec.context_model; a test compares the two.
PASSES = 4
_PLACES = ((0, 0), (1, 1), (0, 1), (1, 0))
# Bits equivalent to the squared error of one quantiser step, for a nearly orthonormal transform.
_PRICE_OF_ERROR = 6 / math.log(2)
# Fraction of that price at which symbols are made smaller; at 1, worse predictions cost more than it saves.
THRIFT = 0.15
_HYPER_SCALE = 4  # latents along a side of one hyper-latent


@lru_cache(maxsize=8)
def masks(latents: int, height: int, width: int) -> NDArray[np.bool_]:
    """(4, latents, height, width): true where a pass codes a latent, by channel group."""
    found = np.zeros((PASSES, latents, height, width), bool)
    for number in range(PASSES):
        for group in range(PASSES):
            row, column = _PLACES[(number + group) % PASSES]
            found[number, group::PASSES, row::2, column::2] = True
    found.flags.writeable = False
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A tile as bytes, and what it decodes to: hyper symbols, symbols, and latents in quantiser steps."""

    stream: bytes
    checksum: int
    z: Symbols
    symbols: Symbols
    latents: Latents


class Coder:
    """Encodes and decodes tiles. Thread-safe. Decoding to symbols needs only an ExactPart."""

    def __init__(self, model: CodecModel | ExactPart) -> None:
        self._model = model if isinstance(model, CodecModel) else None
        self._exact = model.exact if isinstance(model, CodecModel) else model

    def encode(self, y: Latents, level: int, *, thrift: float = THRIFT) -> Coded:
        """Encode the latents *y* (N, h, w) at a quality step.

        Symbols that cost more bits than they are worth are made smaller; *thrift* 0 rounds to the nearest.
        """
        return self.encode_scaled(*self.scaled(y, level), level, thrift=thrift)

    def scaled(self, y: Latents, level: int) -> tuple[Latents, Symbols]:
        """The latents *y* in quantiser steps, and their hyper symbols."""
        return _Means(self._network, level).analysed(y)

    def encode_scaled(self, v: Latents, z: Symbols, level: int, *, thrift: float = THRIFT) -> Coded:
        """Encode latents in quantiser steps with these hyper symbols."""
        means = _Means(self._network, level)
        coder = SymbolEncoder(self._exact.tables)
        coder.add_hyper(z, level)
        features = self._exact.index.features(z, level)
        latents, symbols = np.zeros_like(v), np.zeros(v.shape, np.int32)
        for number, mask in enumerate(masks(*v.shape)):
            mean = means.of_pass(number, z, latents)
            table = self._exact.index.index(features, level, number, symbols)
            residual = (v - mean)[mask]
            chosen = self._chosen(residual, table[mask], thrift)
            coder.add(chosen, table[mask])
            symbols[mask] = chosen
            latents[mask] = chosen + mean[mask]
        return Coded(coder.finish(), coder.checksum, z, symbols, latents)

    def symbols(self, tile: TileStream, shape: tuple[int, int], level: int) -> tuple[Symbols, Symbols]:
        """Hyper symbols and symbols of a tile of *shape* latents; raises DamagedLatent if the checksum differs."""
        decoder = SymbolDecoder(tile.stream, self._exact.tables)
        z = decoder.take_hyper((self._exact.hyper, shape[0] // _HYPER_SCALE, shape[1] // _HYPER_SCALE), level)
        symbols = np.zeros((self._exact.latents, *shape), np.int32)
        features = self._exact.index.features(z, level)
        for number, mask in enumerate(masks(*symbols.shape)):
            table = self._exact.index.index(features, level, number, symbols)
            symbols[mask] = decoder.take(table[mask])
        decoder.close(tile.symbols_crc)
        return z, symbols

    def latents(self, z: Symbols, symbols: Symbols, level: int) -> Latents:
        """The latents of decoded symbols, in quantiser steps."""
        means = _Means(self._network, level)
        latents = np.zeros(symbols.shape, np.float32)
        for number, mask in enumerate(masks(*symbols.shape)):
            np.copyto(latents, symbols + means.of_pass(number, z, latents), where=mask, casting="same_kind")
        return latents

    def bits(self, z: Symbols, symbols: Symbols, level: int) -> float:
        """Bits of a tile by the probability tables."""
        hyper, scales = self._exact.tables.hyper, self._exact.tables.scales
        numbers = np.array(hyper.numbers(level))[:, None, None]
        total = float(_cost(hyper, np.broadcast_to(numbers, z.shape), z).sum())
        for mask, table in self._tables(z, symbols, level):
            total += float(_cost(scales, table[mask], symbols[mask]).sum())
        return total

    def _tables(self, z: Symbols, symbols: Symbols, level: int) -> Iterator[tuple[Any, Any]]:
        features = self._exact.index.features(z, level)
        known = np.zeros_like(symbols)
        for number, mask in enumerate(masks(*symbols.shape)):
            yield mask, self._exact.index.index(features, level, number, known)
            known[mask] = symbols[mask]

    def _chosen(self, residual: Latents, table: NDArray[np.uint8], thrift: float) -> Symbols:
        """Round each value, or take the next smaller one if the saved bits are worth the error."""
        nearest = np.rint(residual).clip(LOWEST, HIGHEST).astype(np.int32)
        if not thrift:
            return nearest
        moving = np.nonzero(nearest)[0]
        some, here = nearest[moving], residual[moving]
        smaller = some - np.sign(some)
        scales = self._exact.tables.scales
        saved = _cost(scales, table[moving], some) - _cost(scales, table[moving], smaller)
        worse = (here - smaller) ** 2 - (here - some) ** 2
        nearest[moving] = np.where(thrift * saved > _PRICE_OF_ERROR * worse, smaller, some)
        return nearest

    @property
    def _network(self) -> Any:
        assert self._model is not None, "floats need a CodecModel"
        return self._model.network


class _Means:
    """The predicted means of one tile, always computed in fp32 on the CPU."""

    def __init__(self, network: Any, level: int) -> None:
        import torch

        self._torch, self._network = torch, network
        self._level = torch.tensor([level])
        self._features: Tensor | None = None
        self._scale: Tensor | None = None

    def analysed(self, y: Latents) -> tuple[Latents, Symbols]:
        """*y* in quantiser steps, and its hyper symbols."""
        latents = self._torch.from_numpy(np.require(y, requirements=["C", "W"]))[None]
        with self._torch.inference_mode():
            v = self._network.gains.scale(latents, self._level)
            z = self._network.hyper_analysis(v).round().clamp(-HYPER_HIGHEST, HYPER_HIGHEST)
        return v[0].numpy(), z[0].numpy().astype(np.int32)

    def of_pass(self, number: int, z: Symbols, latents: Latents) -> Latents:
        """The mean of each latent, predicted from what earlier passes decoded."""
        with self._torch.inference_mode():
            if self._features is None or self._scale is None:
                self._features = self._network.mean_features(self._torch.from_numpy(z.astype(np.float32))[None])
                self._scale = self._network.log_spread(self._level).exp()
            known = self._torch.from_numpy(latents)[None] / self._scale
            mean = self._network.mean_passes[number](self._features, known) * self._scale
        found: Latents = mean[0].numpy()
        return found


def _cost(tables: Any, numbers: NDArray[Any], symbols: NDArray[Any]) -> NDArray[np.float64]:
    """Bits of each of *symbols* in its table."""
    width = tables.half_widths[numbers].astype(np.int64)
    escaped = np.abs(symbols) > width
    code = np.where(escaped, 2 * width + 1, symbols + width)
    bits: NDArray[np.float64] = tables.bits[numbers, code] + 16 * escaped
    return bits
