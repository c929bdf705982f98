"""Makes weights: a recipe, a folder of clean photos and some minutes become a file that the engine runs."""

from __future__ import annotations

from denoiser.training.camera import CameraReport, learn_camera
from denoiser.training.denoiser import TrainingReport, train_denoiser

__all__ = ["CameraReport", "TrainingReport", "learn_camera", "train_denoiser"]
