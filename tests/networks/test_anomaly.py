"""The networks that find anomalies."""

from __future__ import annotations

import pytest
import torch

from denoiser.networks.anomaly import DefectHead, PatchAutoencoder


def _inputs(count: int = 2) -> tuple[torch.Tensor, list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(count, 3, 32, 48, generator=generator)
    maps = [
        torch.randn(count, channels, 32 // scale, 48 // scale, generator=generator)
        for channels, scale in ((4, 2), (6, 4), (8, 8))
    ]
    return pixels, maps


@pytest.fixture
def head() -> DefectHead:
    torch.manual_seed(0)
    return DefectHead((4, 6, 8), (4, 4, 4))


def test_the_head_marks_at_half_size(head: DefectHead) -> None:
    assert head(*_inputs()).shape == (2, 1, 16, 24)


def test_every_input_counts(head: DefectHead) -> None:
    pixels, maps = _inputs()
    before = head(pixels, maps)
    assert not torch.equal(head(1 - pixels, maps), before)
    for level in range(3):
        changed = [one + 1 if number == level else one for number, one in enumerate(maps)]
        assert not torch.equal(head(pixels, changed), before)


def test_adapting_makes_the_scale_of_the_inputs_irrelevant(head: DefectHead) -> None:
    pixels, maps = _inputs()
    head.adapt(pixels, maps)
    before = head(pixels, maps)
    larger = [one * 100 + 7 for one in maps]
    head.adapt(pixels, larger)
    torch.testing.assert_close(head(pixels, larger), before, rtol=1e-3, atol=1e-4)


def test_the_autoencoder_keeps_the_size_and_narrows_the_image() -> None:
    network = PatchAutoencoder((4, 6, 8, 10), code=5)
    pixels = _inputs()[0]
    assert network(pixels).shape == pixels.shape
    assert network.encoder(pixels).shape == (2, 5, 2, 3)
