"""Makes weights: a recipe, a folder of clean photos and some minutes become a file that the engine runs."""

from __future__ import annotations

from denoiser.training.denoiser import TrainingReport, train_denoiser
from denoiser.training.own_noise import OwnNoiseReport, learn_noise

__all__ = ["OwnNoiseReport", "TrainingReport", "learn_noise", "train_denoiser"]
