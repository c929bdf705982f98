import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from denoiser.errors import UnusableData
from denoiser.networks.pyramid import DenseAutoencoder
from denoiser.training.checkpoint import TrainingState, load_state, save_state
from denoiser.training.optimiser import Muon, split


def _run(fused=True):
    network = DenseAutoencoder((8, 8, 8), (1, 1, 1, 1, 1)).to(memory_format=torch.channels_last)
    kernels, rest = split(network)
    adam = torch.optim.Adam(rest, lr=0.01, fused=fused)
    return network, [Muon(kernels, lr=0.01), adam], torch.Generator().manual_seed(1)


def _step(network, optimisers, generator) -> None:
    noisy = torch.rand(1, 3, 16, 16, generator=generator)
    for optimiser in optimisers:
        optimiser.zero_grad()
    (network(noisy, torch.zeros(1, 4, 1, 1)) - noisy * 0.5).square().mean().backward()
    for optimiser in optimisers:
        optimiser.step()


@pytest.mark.parametrize("fused", [True, False])
def test_a_resumed_run_takes_the_very_next_step(tmp_path, fused):
    """Checkpoints of earlier versions have the state of an Adam that was not fused."""
    network, optimisers, generator = _run(fused)
    for _ in range(3):
        _step(network, optimisers, generator)
    path = tmp_path / "state.safetensors"
    save_state(path, TrainingState("tiny", 3, 1.5, 0.2), {"network": network}, optimisers, generator)
    _step(network, optimisers, generator)

    again, its_optimisers, its_generator = _run()
    progress = load_state(path, {"network": again}, its_optimisers, its_generator)
    _step(again, its_optimisers, its_generator)
    assert progress == TrainingState("tiny", 3, 1.5, 0.2)
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other) if fused else torch.allclose(one, other, atol=1e-6)
    for optimiser in its_optimisers:
        for parameter, state in optimiser.state.items():
            strides = {value.stride() for value in state.values() if value.shape == parameter.shape}
            assert strides == {parameter.stride()}


@pytest.mark.parametrize("damage", ["empty", "cut", "missing"])
def test_a_broken_state_is_named(tmp_path, damage):
    network, optimisers, generator = _run()
    path = tmp_path / "state.safetensors"
    save_state(path, TrainingState("tiny"), {"network": network}, optimisers, generator)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else path.read_bytes()[:500])
    with pytest.raises(UnusableData, match=r"state\.safetensors: cannot be resumed"):
        load_state(path, {"network": network}, optimisers, generator)


def test_a_run_that_moved_to_another_kind_of_device_draws_anew(tmp_path):
    network, optimisers, generator = _run()
    path = tmp_path / "state.safetensors"
    save_state(path, TrainingState("tiny", 5), {"network": network}, optimisers, generator)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        about = file.metadata()
    tensors["generator"] = torch.zeros(16, dtype=torch.uint8)  # as a GPU's generator leaves it
    save_file(tensors, path, metadata=about)
    assert load_state(path, {"network": network}, optimisers, generator).step == 5
    expected = torch.rand(3, generator=torch.Generator().manual_seed(1 + 5))
    assert torch.equal(torch.rand(3, generator=generator), expected)


def test_a_state_of_the_first_kind_is_still_read(tmp_path):
    """Its header knows step, seconds and megapixels, and nothing else."""
    network, optimisers, generator = _run()
    _step(network, optimisers, generator)
    path = tmp_path / "state.safetensors"
    save_state(path, TrainingState("tiny", 1, 2.0, 3.0), {"network": network}, optimisers, generator)
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"progress": '{"recipe": "tiny", "step": 1, "seconds": 2.0, "megapixels": 3.0}'}
        names = set(file.keys())
    assert {"generator", "network/head.weight", "optimiser0/0/momentum", "optimiser1/0/exp_avg"} <= names
