import pytest
import torch

from denoiser.errors import UnusableData
from denoiser.networks.dense_autoencoder import DenseAutoencoder
from denoiser.training.checkpoint import Progress, load_state, save_state
from denoiser.training.optimiser import Muon, split


def _run():
    network = DenseAutoencoder((8, 8, 8), (1, 1, 1, 1, 1))
    kernels, rest = split(network)
    return network, [Muon(kernels, lr=0.01), torch.optim.Adam(rest, lr=0.01)], torch.Generator().manual_seed(1)


def _step(network, optimisers, generator) -> None:
    noisy = torch.rand(1, 3, 16, 16, generator=generator)
    for optimiser in optimisers:
        optimiser.zero_grad()
    (network(noisy, torch.zeros(1, 4, 1, 1)) - noisy * 0.5).square().mean().backward()
    for optimiser in optimisers:
        optimiser.step()


def test_a_resumed_run_takes_the_very_next_step(tmp_path):
    network, optimisers, generator = _run()
    for _ in range(3):
        _step(network, optimisers, generator)
    path = tmp_path / "state.safetensors"
    save_state(path, Progress("tiny", 3, 1.5, 0.2), {"network": network}, optimisers, generator)
    _step(network, optimisers, generator)

    again, its_optimisers, its_generator = _run()
    progress = load_state(path, {"network": again}, its_optimisers, its_generator)
    _step(again, its_optimisers, its_generator)
    assert progress == Progress("tiny", 3, 1.5, 0.2)
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("damage", ["empty", "cut", "missing"])
def test_a_broken_state_is_named(tmp_path, damage):
    network, optimisers, generator = _run()
    path = tmp_path / "state.safetensors"
    save_state(path, Progress("tiny"), {"network": network}, optimisers, generator)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else path.read_bytes()[:500])
    with pytest.raises(UnusableData, match="state"):
        load_state(path, {"network": network}, optimisers, generator)
