import pytest

from denoiser.engine.footprint import bytes_per_pixel
from denoiser.networks import registry
from denoiser.networks.pyramid import PyramidAutoencoder


def _network(architecture: str, width: int) -> PyramidAutoencoder:
    network = registry.build(architecture, {"widths": [width, 16, 16], "blocks": [1, 1, 1, 1, 1]})
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("architecture", "largest_per_pixel"), [("dense-autoencoder-1", 1), ("gated-autoencoder-1", 2)]
)
def test_it_follows_the_largest_layer(architecture, largest_per_pixel):
    # At half resolution a layer of width 32 has 8 numbers a pixel; gates double them.
    network = _network(architecture, 32)
    assert bytes_per_pixel(network) == 6 * 4 * 8 * largest_per_pixel
    hooks = [hook for layer in network.modules() for hook in layer._forward_hooks]
    assert hooks == []
