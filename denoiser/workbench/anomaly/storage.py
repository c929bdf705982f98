"""An anomaly detector as a .safetensors file with its card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from denoiser.atomicfile import whole_file
from denoiser.errors import MissingModel, UntrustedWeights, UsageError
from denoiser.models import catalog
from denoiser.models.card import Card, card_as_toml
from denoiser.workbench.anomaly.detector import SCORERS, AnomalyDetector
from denoiser.workbench.anomaly.pixels import Preparation

TASK = "detector"  # on the card
_ARCHITECTURE = "anomaly-detector-1"
_SCORES = "good_scores"
_HINT = "Train one with `denoise anomaly train ./good --out model`."


def model_path(name: str) -> Path:
    """*name* with the suffix .safetensors; raise UsageError for a file of another kind."""
    path = Path(name)
    if path.suffix == ".safetensors":
        return path
    if path.suffix == ".dlf":
        raise UsageError(f"{name}: is a compressed image, not a model.", hint=_HINT)
    return path.with_name(f"{path.name}.safetensors")


def save_detector(detector: AnomalyDetector, path: Path, training: Mapping[str, Any]) -> None:
    """Write a fitted *detector* and its card, each atomically. *training* is the table of that name on the card."""
    method = detector.scorer_.method
    tensors = {name: value.detach().contiguous() for name, value in detector.scorer_.tensors().items()}
    tensors[_SCORES] = torch.from_numpy(np.ascontiguousarray(detector.good_scores_))
    encoded = save(tensors, metadata={"architecture": _ARCHITECTURE})
    card = Card(
        name=path.stem,
        summary=f"Finds anomalies by {method}, trained on {detector.n_images_} good images.",
        task=TASK,
        architecture=_ARCHITECTURE,
        settings={
            "method": method,
            "side": detector.preparation_.side,
            "brightness": detector.preparation_.brightness,
            "unit": detector.unit_,
        },
        halo=0,
        sha256=hashlib.sha256(encoded).hexdigest(),
        parameters=sum(value.numel() for value in tensors.values()),
        licence="That of the images it was trained on.",
        training={"images": detector.n_images_, "held_out": len(detector.good_scores_), **training},
        metrics={f"auroc_{name}": value for name, value in detector.comparison_.items()},
        limits=("Finds what differs from the good images it was trained on, in the same view and light.",),
    )
    with whole_file(path) as file:
        file.write(encoded)
    with whole_file(path.with_suffix(".toml")) as file:
        file.write(card_as_toml(card).encode())


def load_detector(path: Path) -> AnomalyDetector:
    """The detector in *path*, verified; raise MissingModel or UntrustedWeights if there is none."""
    if not path.is_file():
        raise MissingModel(f"{path}: no such model.", hint=_HINT)
    entry = catalog.find(str(path), "cpu")
    card = entry.card
    if card.task != TASK:
        raise MissingModel(f"{path}: is a {card.task}, not a model of `denoise anomaly train`.", hint=_HINT)
    catalog.verify(entry)
    try:
        tensors = load_file(path)
        scores = tensors.pop(_SCORES).numpy()
        detector = AnomalyDetector(card.settings["method"], size=card.settings["side"])
        detector.preparation_ = Preparation(card.settings["side"], card.settings["brightness"])
        detector.unit_ = float(card.settings["unit"])
        detector.scorer_ = SCORERS[card.settings["method"]].from_tensors(tensors)
        detector.good_scores_ = scores
        detector.n_images_ = int(card.training["images"])
        detector.comparison_ = {name.removeprefix("auroc_"): value for name, value in card.metrics.items()}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UntrustedWeights(f"{path}: does not match its card ({error}).") from error
    return detector
