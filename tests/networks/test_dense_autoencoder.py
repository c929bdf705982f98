import torch

from denoiser.networks.dense_autoencoder import DenseAutoencoder


@torch.inference_mode()
def test_a_bias_free_network_scales_with_its_input():
    network = DenseAutoencoder(widths=(8, 12, 16), blocks=(1, 1, 2, 1, 1))
    generator = torch.Generator().manual_seed(0)
    for weight in network.parameters():
        weight.copy_(torch.randn(weight.shape, generator=generator) / weight[0].numel() ** 0.5)
    noisy, silent = torch.rand(1, 3, 32, 32), torch.zeros(1, 4, 1, 1)
    assert torch.allclose(network(noisy * 3, silent), network(noisy, silent) * 3, rtol=1e-3, atol=1e-4)


def test_the_radius_that_the_cards_were_written_with():
    assert DenseAutoencoder((48, 96, 128), (1, 1, 2, 1, 1)).spec(halo=0).formula_radius == 60
