import pytest
import torch

from denoiser.networks.dense_autoencoder import ResidualPair
from denoiser.networks.gated_autoencoder import GatedAutoencoder, GatedBlock, PixelNorm


def test_the_norm_is_of_one_pixel_alone():
    norm = PixelNorm(16)
    x = torch.randn(2, 16, 5, 7) * 3 + 1
    y = norm(x)
    assert torch.allclose(y.mean(dim=1), torch.zeros(2, 5, 7), atol=1e-5)
    assert torch.allclose(y.var(dim=1, unbiased=False), torch.ones(2, 5, 7), atol=1e-3)
    one = norm(x[:, :, 2:3, 3:4])
    assert torch.allclose(y[:, :, 2:3, 3:4], one, atol=1e-6)


@pytest.mark.parametrize(("dense", "kinds"), [((), "ggggg"), ((0, 1), "ddgdd"), ((2,), "ggdgg")])
def test_each_level_takes_the_block_it_was_promised(dense, kinds):
    network = GatedAutoencoder((8, 8, 8), (1, 1, 1, 1, 1), dense)
    rows = (
        network.enter_half,
        network.enter_quarter,
        network.bottleneck,
        network.leave_quarter,
        network.leave_half,
    )
    kind_of = {ResidualPair: "d", GatedBlock: "g"}
    assert "".join(kind_of[type(row[0])] for row in rows) == kinds
