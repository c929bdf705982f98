"""Trains networks: a recipe and a folder of photos become weights that the engine runs."""

from __future__ import annotations

from denoiser.training.codec import train_codec
from denoiser.training.denoiser import TrainingReport, train_denoiser
from denoiser.training.estimator import train_estimator
from denoiser.training.own_noise import OwnNoiseReport, learn_noise

__all__ = ["OwnNoiseReport", "TrainingReport", "learn_noise", "train_codec", "train_denoiser", "train_estimator"]
