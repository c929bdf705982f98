import logging
import shutil

import pytest
import torch

from denoiser.training.compiled import compile_if_it_works


def test_where_the_compiler_fails_the_plain_network_trains(tiny_run, monkeypatch):
    def no_compiler(module):
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

    monkeypatch.setattr(torch, "compile", lambda module: Late())
    run = tiny_run()
    assert "backend compiler failed" in compile_if_it_works(run)
    assert torch.isfinite(run.step())


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("c++"), reason="no compiler here")
def test_a_compiled_network_takes_the_same_steps(tiny_run, monkeypatch):
    # Where CUDA's compiler is installed and no GPU is, torch warns of that.
    monkeypatch.setattr(logging.getLogger("torch.utils.cpp_extension"), "disabled", True)
    plain, compiled = tiny_run(), tiny_run()
    note = compile_if_it_works(compiled)
    assert note == "The network is compiled.", note
    for _ in range(3):
        assert float(compiled.step()) == pytest.approx(float(plain.step()), rel=1e-3)
