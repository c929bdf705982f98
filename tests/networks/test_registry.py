import pytest

from denoiser.errors import MissingModel
from denoiser.networks import registry
from denoiser.networks.conditioning import Denoiser


def test_the_names_on_disk_stay_known():
    network = registry.build(Denoiser, "dense-autoencoder-1", {"widths": [8, 8, 8], "blocks": [1, 1, 1, 1, 1]})
    assert network.widths == (8, 8, 8)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(MissingModel, match="dense-autoencoder-1"):
        registry.build(Denoiser, "from-the-future", {})
