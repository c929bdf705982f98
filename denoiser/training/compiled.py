"""torch.compile where it works on this machine, and the plain network where it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from denoiser.networks.conditioning import PLANES
from denoiser.training.degrade import Sample
from denoiser.training.run import Run


def compile_if_it_works(run: Run) -> str:
    """Lets *run* go through a compiled network; the line says what came of it.

    Compilers fail in many ways, most of them only when the first batch comes: so one is tried, forward and back.
    """
    plain = run.forward
    assert isinstance(plain, nn.Module), "a run starts with a module"
    state = run.generator.get_state()
    try:
        _try(torch.compile(plain), run)
    except (RuntimeError, ImportError, OSError) as error:  # all that torch.compile raises comes from these
        run.forward = plain
        run.network.zero_grad(set_to_none=True)
        reason = str(error).strip().partition("\n")[0]
        return f"The network is not compiled: {type(error).__name__}: {reason[:150]}"
    finally:
        run.generator.set_state(state)  # a trial leaves no trace in what is drawn
    return "The network is compiled."


def _try(compiled: Callable[..., Any], run: Run) -> None:
    stage = run.recipe.stage_at(run.fraction)
    nothing: Tensor = torch.zeros(stage.batch, 3, stage.patch, stage.patch, device=run.device)
    planes = torch.zeros(stage.batch, PLANES, 1, 1, device=run.device)
    run.forward = compiled
    run.team.backward(run.objective(run, Sample(nothing, nothing, planes), stage))
    run.network.zero_grad(set_to_none=True)
