import pytest

from denoiser.networks.pyramid import DenseAutoencoder
from denoiser.networks.pyramid_spec import dense_kernels, dense_spec


@pytest.mark.parametrize(
    ("widths", "blocks"), [((8, 12, 16), (1, 1, 1, 1, 1)), ((48, 96, 128), (1, 2, 3, 0, 1)), ((4, 4, 4), (0,) * 5)]
)
def test_shapes_and_properties_are_those_of_the_network(widths, blocks):
    network = DenseAutoencoder(widths, blocks)
    shapes = {name.removesuffix(".weight"): tuple(value.shape) for name, value in network.named_parameters()}
    assert dense_kernels(widths, blocks) == shapes
    assert dense_spec(widths, blocks, 40) == network.spec(40)


def test_each_row_has_a_number_of_blocks():
    with pytest.raises(ValueError, match="argument"):
        dense_kernels((8, 8, 8), (1, 1))
