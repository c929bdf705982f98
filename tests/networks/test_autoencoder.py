"""The networks of autoencoders: shapes, sparse codes, variational sampling."""

from __future__ import annotations

import pytest
import torch

from denoiser.networks.autoencoder import BLOCKS, CodingNetwork, Convolutional, FullyConnected


def _network(kind: str = "connected", **words) -> CodingNetwork:
    torch.manual_seed(0)
    common = {"shape": (1, 9, 7), "code": 6} | words
    if kind == "connected":
        return FullyConnected(layers=(20, 10), **common)
    return Convolutional(layers=(4, 8), blocks=kind, **common)


@pytest.mark.parametrize("kind", ["connected", *BLOCKS])
@pytest.mark.parametrize("shape", [(1, 9, 7), (3, 8, 8), (1, 1, 5)])
def test_codes_and_images_have_their_shapes(kind, shape) -> None:
    network = _network(kind, shape=shape)
    images = torch.rand(3, *shape)
    code = network.encode(images)
    decoded = network.decode(code)
    assert code.shape == (3, 6)
    assert decoded.shape == images.shape
    assert decoded.min() >= 0 and decoded.max() <= 1


@pytest.mark.parametrize("kind", ["connected", *BLOCKS])
def test_every_parameter_has_a_gradient(kind) -> None:
    network = _network(kind, classes=3, variational=True)
    for name, parameter in network.named_parameters():
        if "second_kernel" in name:  # a residual block starts as the identity
            torch.nn.init.normal_(parameter, std=0.1)
    output = network(torch.rand(5, 1, 9, 7), torch.randn(5, 6))
    (output.decoded.square().sum() + output.log_variance.sum() + output.labels.square().sum()).backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in network.parameters())


def test_the_decoder_mirrors_the_encoder() -> None:
    network = _network()
    sizes = [layer.weight.shape for layer in network.encoder if isinstance(layer, torch.nn.Linear)]
    back = [layer.weight.shape[::-1] for layer in network.decoder if isinstance(layer, torch.nn.Linear)]
    assert [tuple(size) for size in sizes] == [tuple(size) for size in reversed(back)]


def test_top_k_keeps_the_largest_numbers() -> None:
    sparse, full = _network(code=20, top_k=3), _network(code=20)
    images = torch.rand(4, 1, 9, 7)
    code, dense = sparse.encode(images), full.encode(images)
    assert ((code != 0).sum(dim=1) == 3).all()
    assert torch.equal(code.topk(3).values, dense.topk(3).values)


def test_noise_moves_the_code_of_a_variational_one_by_its_deviation() -> None:
    network = _network(variational=True)
    images, noise = torch.rand(4, 1, 9, 7), torch.randn(4, 6)
    output = network(images, noise)
    assert torch.allclose(output.code - output.mean, noise * torch.exp(output.log_variance / 2), atol=1e-6)
    assert torch.equal(network(images).code, output.mean)
    assert network(images).log_variance.shape == (4, 6)


def test_drawn_codes_are_distributed_like_those_described() -> None:
    network = _network()
    mixing = torch.randn(6, 6)
    codes = torch.randn(5000, 6) @ mixing + 3
    network.describe_codes(codes)
    drawn = network.draw_codes(20_000, torch.Generator().manual_seed(0))
    assert torch.allclose(drawn.mean(dim=0), codes.mean(dim=0), atol=0.15)
    assert torch.allclose(torch.cov(drawn.T), torch.cov(codes.T), atol=0.6)


def test_drawn_codes_of_a_sparse_one_are_not_negative() -> None:
    network = _network(code_activation="relu")
    network.describe_codes(torch.rand(100, 6))
    assert network.draw_codes(1000, torch.Generator().manual_seed(0)).min() == 0
