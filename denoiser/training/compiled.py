"""torch.compile where it works on this machine, and the plain network where it does not."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from denoiser.networks.conditioning import PLANES
from denoiser.training.run import Run


def compile_if_it_works(run: Run) -> str:
    """Lets *run* go through a compiled network; the line says what came of it.

    Compilers fail in many ways, most of them only when the first batch comes: so one is tried, forward and back.
    """
    plain = run.forward
    assert isinstance(plain, nn.Module), "a run starts with a module"
    try:
        compiled = torch.compile(plain)
        _try(compiled, run)
    except (RuntimeError, ImportError, OSError) as error:  # all that torch.compile raises comes from these
        run.network.zero_grad(set_to_none=True)
        reason = str(error).strip().partition("\n")[0]
        return f"The network is not compiled: {type(error).__name__}: {reason[:150]}"
    run.forward = compiled
    return "The network is compiled."


def _try(compiled: Callable[..., Tensor], run: Run) -> None:
    stage = run.recipe.stage_at(run.fraction)
    noisy: Tensor = torch.zeros(stage.batch, 3, stage.patch, stage.patch, device=run.device)
    planes = torch.zeros(stage.batch, PLANES, 1, 1, device=run.device)
    with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=run.autocast):
        output = compiled(noisy.contiguous(memory_format=torch.channels_last), planes)
    run.team.backward(output.float().mean())
    run.network.zero_grad(set_to_none=True)
