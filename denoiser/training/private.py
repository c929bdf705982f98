"""Differentially private training (DP-SGD, Abadi et al., CCS 2016) through Opacus.

The gradient of each image is clipped, and Gaussian noise is added to their sum, so that the weights reveal little
about any single image: epsilon bounds how much, with delta as the chance that the bound fails. Each image enters a
batch independently of the others (Poisson sampling), as the accounting assumes.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass

import torch

from denoiser.errors import MissingExtra, UsageError
from denoiser.options import AutoencoderOptions
from denoiser.training.optimiser import Muon
from denoiser.training.recipe import Recipe
from denoiser.training.run import Run

_CLIP = 1.0  # norm of the gradient of one image
_EXCLUDED = ("sparse", "regularised")  # their penalties depend on whole batches or on weights alone


@dataclass(frozen=True, slots=True)
class Privacy:
    """The noise of a private training, and what it guarantees."""

    epsilon: float
    delta: float
    noise: float  # standard deviation, relative to the clipping norm
    share: float  # chance of an image to be in a batch

    def apply(self, run: Run) -> None:
        """Clip the gradient of each image in *run* and add noise to their sum."""
        from opacus import GradSampleModule
        from opacus.optimizers import DPOptimizer

        run.forward = GradSampleModule(run.network, loss_reduction="mean")
        batch = run.recipe.stages[0].batch
        adam = torch.optim.Adam(run.network.parameters(), lr=run.recipe.adam_rate)
        private = DPOptimizer(adam, noise_multiplier=self.noise, max_grad_norm=_CLIP, expected_batch_size=batch)
        run.optimisers = [Muon([], lr=run.recipe.muon_rate), private]
        warnings.filterwarnings("ignore", message="Full backward hook is firing")  # images need no gradient


def privacy_of(options: AutoencoderOptions, plan: Recipe, images: int) -> Privacy | None:
    """The privacy that *options* request for a training of *plan* on that many *images*; None without."""
    if not options.private:
        return None
    if options.kind in _EXCLUDED or options.label_weight:
        raise UsageError(
            f"private does not apply to {options.kind} autoencoders{' with labels' * bool(options.label_weight)}.",
            hint="Use the kind basic, undercomplete, denoising, convolutional or variational, without labels.",
        )
    _require_opacus()
    from opacus.accountants import RDPAccountant
    from opacus.accountants.utils import get_noise_multiplier

    share, delta = min(1.0, options.batch / images), 1 / (2 * images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the range of orders of the accountant
        common = {"target_delta": delta, "sample_rate": share, "steps": plan.steps, "accountant": "rdp"}
        noise = get_noise_multiplier(target_epsilon=options.private, **common)
        accountant = RDPAccountant()
        accountant.history = [(noise, share, plan.steps)]
        return Privacy(accountant.get_epsilon(delta), delta, noise, share)


def _require_opacus() -> None:
    if importlib.util.find_spec("opacus") is None:
        raise MissingExtra("Private training needs Opacus, which is not installed.", extra="private")
