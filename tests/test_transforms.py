"""The transform works like those of torchvision: alone, in Compose, on samples with labels, in workers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from torchvision import tv_tensors
from torchvision.transforms import v2

import denoiser
from denoiser.errors import UsageError
from denoiser.options import DenoiseOptions
from denoiser.transforms import Denoise


@pytest.fixture
def words(tiny_weights: Path) -> dict[str, Any]:
    return {"model": str(tiny_weights), "device": "cpu", "precision": "fp32", "noise_level": 25}


@pytest.fixture
def image() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(60, 200, (3, 48, 40), np.uint8))


def test_it_does_what_the_function_does(image: torch.Tensor, words: dict[str, Any]) -> None:
    wanted = denoiser.denoise(image, **words)
    assert torch.equal(Denoise(**words)(image), wanted)
    assert torch.equal(Denoise(DenoiseOptions(**words))(image), wanted)
    picture = PillowImage.fromarray(image.permute(1, 2, 0).numpy())
    assert np.array_equal(np.asarray(Denoise(**words)(picture)), wanted.permute(1, 2, 0))


def test_a_sample_keeps_its_labels_masks_and_boxes(image: torch.Tensor, words: dict[str, Any]) -> None:
    mask = tv_tensors.Mask(torch.ones(48, 40, dtype=torch.uint8))
    boxes = tv_tensors.BoundingBoxes([[1, 2, 3, 4]], format="XYXY", canvas_size=(48, 40))
    sample = {"image": tv_tensors.Image(image), "mask": mask, "boxes": boxes, "label": 3, "tensor": torch.ones(5)}
    made = Denoise(**words)(sample)
    assert type(made["image"]) is tv_tensors.Image and not torch.equal(made["image"], image)
    for name in ("mask", "boxes", "label", "tensor"):
        assert made[name] is sample[name]
    video = tv_tensors.Video(torch.stack([image, image]))
    assert type(made := Denoise(**words)(video)) is tv_tensors.Video and made.shape == video.shape


def test_it_goes_into_compose(image: torch.Tensor, words: dict[str, Any]) -> None:
    steps = v2.Compose(
        [v2.ToDtype(torch.float32, scale=True), Denoise(**words), v2.Normalize([0.5] * 3, [0.5] * 3)]
    )
    made, label = steps(image, 7)
    assert made.dtype == torch.float32 and label == 7
    wrong = v2.Compose([v2.Normalize([0.0] * 3, [0.5] * 3), Denoise(**words)])
    with pytest.raises(UsageError, match="between 0 and 1"):
        wrong(image / 255)


def test_a_sample_without_an_image_is_refused(words: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no image: int, ndarray") as caught:
        Denoise(**words)({"image": np.zeros((8, 8, 3), np.uint8), "label": 1})
    assert "ToImage" in caught.value.hint


def test_it_can_be_pickled_and_shows_its_options(image: torch.Tensor, words: dict[str, Any]) -> None:
    transform = Denoise(**words)
    assert "noise_level=25" in repr(transform)
    assert torch.equal(pickle.loads(pickle.dumps(transform))(image), transform(image))
    with pytest.raises(UsageError, match="sigma"):
        Denoise(sigma=25)  # type: ignore[call-arg]
