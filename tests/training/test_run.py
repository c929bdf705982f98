import dataclasses
import logging
import shutil

import pytest
import torch

from denoiser.networks.condition import Condition
from denoiser.networks.pyramid import DenseAutoencoder
from denoiser.training.run import LOSSES, compile_if_it_works, learning_rate_factor
from denoiser.training.validation import ValidationCrop, denoised, psnr


class _Constant(torch.nn.Module):
    def forward(self, noisy, planes):
        return torch.full_like(noisy, 0.25)


class _Repeated:
    def __init__(self, batch) -> None:
        self.batch = batch

    def draw(self, count, patch, generator):
        return self.batch


def test_steps_take_noise_away(tiny_run):
    run = tiny_run(seconds=1e9)
    run.recipe = dataclasses.replace(run.recipe, warm_up_steps=10)
    clean = torch.arange(96).div(255).expand(1, 3, 96, 96)
    noisy = clean + torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)) * 25 / 255
    crop = ValidationCrop("white 25", noisy[0], clean[0], Condition(25, 25, 0.0))
    before = psnr(denoised(run.network, crop, run.device), crop.target)
    for _ in range(150):
        run.step()
    assert psnr(denoised(run.network, crop, run.device), crop.target) > before + 0.8
    assert psnr(denoised(run.average, crop, run.device), crop.target) > before + 0.8, "a young average follows"
    assert run.progress.step == 150
    assert run.progress.megapixels == pytest.approx(150 * 4 * 32 * 32 / 1e6)


def test_no_step_makes_the_host_wait(tiny_run, never_waiting):
    run = tiny_run()
    run.source = _Repeated(run.source.draw(4, 32, run.generator))
    run.step()  # the first one makes the state of the optimisers
    with never_waiting("cpu"):
        run.step()


@pytest.mark.parametrize(
    "wait",
    [
        lambda loss, batch: loss.item(),
        lambda loss, batch: loss if loss > 0 else -loss,
        lambda loss, batch: batch.input[batch.planes[:, 0, 0, 0] > 0],
        lambda loss, batch: (batch.planes > 0).nonzero(),
    ],
)
def test_a_step_that_waits_is_found(tiny_run, never_waiting, wait):
    run = tiny_run()
    run.source = _Repeated(run.source.draw(4, 32, run.generator))
    run.step()
    plain = run.task.loss

    def waiting(run, batch, stage):
        loss = plain(run, batch, stage)
        wait(loss, batch)
        return loss

    run.task = dataclasses.replace(run.task, loss=waiting)
    with never_waiting("cpu"), pytest.raises(AssertionError, match="makes the host wait"):
        run.step()


def test_a_teacher_pulls_by_half(tiny_run):
    class Truth:
        """A sample whose truth is grey 0.75; the teacher says 0.25."""

        def draw(self, count, patch, generator):
            from denoiser.training.degrade import Batch

            noisy = torch.full((count, 3, patch, patch), 0.5)
            return Batch(noisy, noisy + 0.25, torch.zeros(count, 4, 1, 1))

    alone = tiny_run(source=Truth()).step()
    taught = tiny_run(source=Truth(), teacher=_Constant()).step()
    assert float(alone) == pytest.approx(0.25, abs=1e-3)
    assert float(taught) == pytest.approx(0.25, abs=1e-3), "as far from the one as from the other"
    one, other = tiny_run(source=Truth()), tiny_run(source=Truth(), teacher=_Constant())
    for _ in range(30):
        one.step()
        other.step()
    probe, planes = torch.full((1, 3, 16, 16), 0.5), torch.zeros(1, 4, 1, 1)
    with torch.no_grad():
        assert float(one.network(probe, planes).mean()) > 0.6
        assert abs(float(other.network(probe, planes).mean()) - 0.5) < 0.1, "torn between truth and teacher"


def test_the_teacher_stays_as_it_is(tiny_run):
    teacher = DenseAutoencoder((8, 8, 8), (1, 1, 1, 1, 1))
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    run = tiny_run(teacher=teacher)
    run.step()
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_the_fused_adam_takes_the_steps_of_the_plain_one(tiny_run):
    run = tiny_run()
    fused = run.optimisers[1]
    plain_groups = [
        {**group, "params": [torch.nn.Parameter(one.detach().clone()) for one in group["params"]]}
        for group in fused.param_groups
    ]
    for group in plain_groups:
        group |= {"fused": False, "foreach": False}
    plain = torch.optim.Adam(plain_groups)
    chance = torch.Generator().manual_seed(0)
    for _ in range(4):
        for one, other in zip(fused.param_groups, plain.param_groups, strict=True):
            for ours, reference in zip(one["params"], other["params"], strict=True):
                ours.grad = torch.empty_like(ours).copy_(torch.randn(ours.shape, generator=chance))
                reference.grad = ours.grad.clone()
        fused.step()
        plain.step()
    assert fused.defaults["fused"]
    for one, other in zip(fused.param_groups, plain.param_groups, strict=True):
        for ours, reference in zip(one["params"], other["params"], strict=True):
            assert torch.allclose(ours, reference, rtol=1e-5, atol=1e-7)


def test_rates_climb_and_fall():
    assert learning_rate_factor(0.0, 0, 100) == pytest.approx(0.01)
    assert learning_rate_factor(0.0, 100, 100) == 1.0
    assert learning_rate_factor(0.5, 1000, 100) == pytest.approx(0.5)
    assert learning_rate_factor(1.0, 9999, 100) == pytest.approx(0.0)


def test_where_the_compiler_fails_the_plain_network_trains(tiny_run, monkeypatch):
    def no_compiler(module, **words):
        raise RuntimeError("Cannot find a working triton installation.\nMore than one line follows.")

    monkeypatch.setattr(torch, "compile", no_compiler)
    run = tiny_run()
    note = compile_if_it_works(run)
    assert note == "The network is not compiled: RuntimeError: Cannot find a working triton installation."
    assert run.forward is run.network
    assert all(parameter.grad is None for parameter in run.network.parameters())
    assert torch.isfinite(run.step())


def test_a_network_that_fails_at_the_first_batch_is_not_kept(tiny_run, monkeypatch):
    class Late(torch.nn.Module):
        def forward(self, noisy, planes):
            raise RuntimeError("backend compiler failed")

    monkeypatch.setattr(torch, "compile", lambda module, **words: Late())
    run = tiny_run()
    assert "backend compiler failed" in compile_if_it_works(run)
    assert torch.isfinite(run.step())


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("c++"), reason="no compiler here")
@pytest.mark.parametrize("how", [True, "cudagraphs"])
def test_a_compiled_network_takes_the_same_steps(tiny_run, monkeypatch, how):
    # Where CUDA's compiler is installed and no GPU is, torch warns of that; without a GPU it traces graphs only.
    for name in ("torch.utils.cpp_extension", "torch._inductor.cudagraph_utils.__cudagraphs"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    plain, compiled = tiny_run(), tiny_run()
    compiled.recipe = dataclasses.replace(compiled.recipe, compile=how)
    note = compile_if_it_works(compiled)
    assert note == "The network is compiled.", note
    for _ in range(3):
        assert float(compiled.step()) == pytest.approx(float(plain.step()), rel=1e-3)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_smaller_error_is_a_smaller_loss(name):
    target = torch.rand(2, 3, 8, 8)
    near, far = target + 0.01, target + 0.1
    assert LOSSES[name](near, target) < LOSSES[name](far, target)


def test_the_logarithm_counts_decibels_the_same_at_every_level():
    target = torch.zeros(1, 3, 8, 8)
    gain = [LOSSES["log-mse"](target + e, target) - LOSSES["log-mse"](target + e / 2, target) for e in (0.05, 0.5)]
    assert float(gain[0]) == pytest.approx(float(gain[1]), rel=0.01)


def test_the_root_counts_each_image_by_its_own_noise():
    target = torch.zeros(2, 3, 8, 8)
    weak_and_strong = torch.tensor([0.02, 0.2]).reshape(-1, 1, 1, 1).expand_as(target)
    assert float(LOSSES["rms"](weak_and_strong, target)) == pytest.approx(0.11, rel=0.01)
