"""The relaxed context model agrees with the real one where nothing is left to chance, and has gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from denoiser.codec import model
from denoiser.codec.context import Coder
from denoiser.codec.relaxed import RelaxedContext

LEVEL = 40


@pytest.fixture
def coded(tiny_codec):
    loaded = model.load(model.find(str(tiny_codec)))
    coder = Coder(loaded)
    y = np.random.default_rng(1).normal(0, 0.05, (loaded.exact.latents, 8, 8)).astype(np.float32)
    return loaded, coder, coder.encode(y, LEVEL, thrift=0)


def test_at_the_decoded_latents_bits_are_those_of_the_tables(coded) -> None:
    loaded, coder, tile = coded
    relaxed = RelaxedContext(loaded, torch.from_numpy(tile.z.astype(np.float32)), LEVEL, 8, 8)
    expected = relaxed.expected(torch.from_numpy(tile.latents), 0.05)
    np.testing.assert_allclose(expected.latents, tile.latents, atol=1e-3)
    assert float(expected.variance.max()) < 1e-3
    hyper = loaded.exact.tables.hyper
    hyper_bits = sum(
        hyper.bits[number, plane + hyper.half_widths[number]].sum()
        for number, plane in zip(hyper.numbers(LEVEL), tile.z, strict=True)
    )
    bits = coder.bits(tile.z, tile.symbols, LEVEL) - hyper_bits
    assert float(expected.bits) == pytest.approx(bits, rel=0.05)


def test_halfway_between_integers_both_are_equally_likely(coded) -> None:
    loaded, _, tile = coded
    relaxed = RelaxedContext(loaded, torch.from_numpy(tile.z.astype(np.float32)), LEVEL, 8, 8)
    v = torch.from_numpy(tile.latents + np.float32(0.5)).requires_grad_()
    expected = relaxed.expected(v, 0.2)
    first = expected.variance[0, ::2, ::2]  # pass 0 of group 0; later means depend on it
    assert torch.allclose(first, torch.tensor(0.25), atol=1e-3)
    (gradient,) = torch.autograd.grad(expected.bits, v)
    assert bool(torch.isfinite(gradient).all()) and float(gradient.abs().sum()) > 0
