import pytest
import torch

from denoiser.networks.pyramid import DenseAutoencoder, GatedAutoencoder
from denoiser.training.optimiser import _MOST_PADDING, Muon, _stacks, orthogonalised, split


def test_orthogonalised_keeps_directions_and_evens_lengths():
    matrix = torch.randn(1, 8, 40, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalised(matrix))
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    nearest = left @ right
    assert float((nearest * orthogonalised(matrix)).sum() / nearest.numel() ** 0.5) > 0.3


def test_muon_walks_downhill():
    kernel = torch.nn.Parameter(torch.zeros(4, 3, 3, 3))
    goal = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(1)) * 0.1
    optimiser = Muon([kernel], lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        (kernel - goal).square().sum().backward()
        optimiser.step()
    assert float((kernel - goal).detach().norm()) < 0.5 * float(goal.norm())


def test_a_stack_is_orthogonalised_as_each_alone():
    stack = torch.randn(3, 8, 40, generator=torch.Generator().manual_seed(2))
    alone = torch.cat([orthogonalised(matrix[None]) for matrix in stack])
    assert torch.allclose(orthogonalised(stack), alone, atol=1e-5)


def _plain_step(kernel: torch.Tensor, momentum: torch.Tensor, rate: float, decay: float = 0.95) -> torch.Tensor:
    """The kernel after one step of Muon as Jordan et al. write it, one matrix at a time; changes *momentum*."""
    momentum.mul_(decay).add_(kernel.grad)
    matrix = (kernel.grad + decay * momentum).flatten(1)
    x = matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    step = x.mT if matrix.shape[0] > matrix.shape[1] else x
    scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
    return kernel.detach() - rate * scale * step.reshape(kernel.shape)


@pytest.mark.parametrize("padding", [0, 10**9])
def test_stacked_and_padded_kernels_take_the_steps_of_single_ones(padding, monkeypatch):
    monkeypatch.setitem(_MOST_PADDING, "cpu", padding)
    shapes = [(8, 3, 3, 3), (24, 6, 1, 1), (8, 3, 3, 3), (4, 12, 3, 3), (6, 5), (12, 4, 3, 3)]
    chance = torch.Generator().manual_seed(4)
    kernels = [torch.nn.Parameter(torch.randn(shape, generator=chance)) for shape in shapes]
    kernels[-1].data = kernels[-1].data.contiguous(memory_format=torch.channels_last)
    momenta = [torch.zeros_like(kernel) for kernel in kernels]
    optimiser = Muon(kernels, lr=0.02)
    for _ in range(3):
        for kernel in kernels:
            kernel.grad = torch.randn(kernel.shape, generator=chance)
        expected = [_plain_step(*pair, rate=0.02) for pair in zip(kernels, momenta, strict=True)]
        optimiser.step()
        for kernel, alone in zip(kernels, expected, strict=True):
            assert torch.allclose(kernel, alone, atol=2e-5)


def test_a_gpu_has_few_stacks():
    widths = [(128, 1152)] * 4 + [(96, 864)] * 4 + [(48, 432)] * 4 + [(96, 192)] * 2 + [(128, 384)] * 2
    assert list(_stacks(widths, _MOST_PADDING["cuda"])) == [(128, 1152)]
    assert len(_stacks(widths, 0)) == 5
    members = [number for stack in _stacks(widths, 10**7).values() for number in stack]
    assert sorted(members) == list(range(len(widths)))


def test_kernels_of_one_shape_do_not_touch_each_other():
    start = torch.randn(2, 4, 3, 3, 3, generator=torch.Generator().manual_seed(3))
    goals = -start
    together = [torch.nn.Parameter(kernel.clone()) for kernel in start]
    apart = [torch.nn.Parameter(kernel.clone()) for kernel in start]
    for optimiser in (Muon(together, lr=0.02), *(Muon([kernel], lr=0.02) for kernel in apart)):
        kernels = optimiser.param_groups[0]["params"]
        wanted = goals if len(kernels) == 2 else [goals[0] if kernels[0] is apart[0] else goals[1]]
        for _ in range(5):
            optimiser.zero_grad()
            sum((kernel - goal).square().sum() for kernel, goal in zip(kernels, wanted, strict=True)).backward()
            optimiser.step()
    for one, other, before in zip(together, apart, start, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
        assert not torch.allclose(one, before, atol=1e-2)


def test_every_parameter_belongs_to_exactly_one_optimiser():
    network = DenseAutoencoder((8, 8, 8), (1, 1, 1, 1, 1))
    kernels, rest = split(network)
    assert len(kernels) + len(rest) == len(list(network.parameters()))
    assert {id(p) for p in rest} == {id(network.head.weight), id(network.tail.weight)}


def test_depthwise_kernels_norms_and_biases_go_to_adam():
    network = GatedAutoencoder((8, 8, 8), (1, 1, 1, 1, 1))
    kernels, rest = split(network)
    assert len(kernels) + len(rest) == len(list(network.parameters()))
    block = network.bottleneck[0]
    assert {id(block.widen.weight), id(block.shrink.weight)} <= {id(p) for p in kernels}
    adams = {id(block.neighbours.weight), id(block.space_norm.gain), id(block.narrow.bias)}
    assert adams <= {id(p) for p in rest}
