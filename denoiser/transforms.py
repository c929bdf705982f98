"""Denoising as a torchvision transform."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Unpack

import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from denoiser.api.calls import denoise
from denoiser.errors import UsageError
from denoiser.imageio import is_pil
from denoiser.options import DenoiseKeywords, DenoiseOptions, options_of


def _is_image(value: Any) -> bool:
    if isinstance(value, tv_tensors.TVTensor):
        return isinstance(value, tv_tensors.Image | tv_tensors.Video)  # not masks, not boxes
    return isinstance(value, torch.Tensor) or is_pil(value)


class Denoise(v2.Transform):  # type: ignore[misc] # torchvision is untyped here
    """Denoises the images and videos of a sample; masks, boxes and labels are unchanged.

    Images are tensors (C×H×W or N×C×H×W; uint8, or floats from 0 to 1) and Pillow images, so place it before
    `v2.Normalize`. Options are those of `denoiser.denoise`, as keywords or a DenoiseOptions. It can be pickled;
    each worker process of a DataLoader loads the model once. With `device="cuda"` do not use worker processes, or
    start them with "spawn": CUDA does not support fork.
    """

    _transformed_types = (_is_image,)

    def __init__(self, options: DenoiseOptions | None = None, **keywords: Unpack[DenoiseKeywords]) -> None:
        super().__init__()
        self.options = options_of(DenoiseOptions, options, keywords)

    def extra_repr(self) -> str:
        """Return the options that differ from their defaults."""
        set_here = (
            (field.name, getattr(self.options, field.name), field.default) for field in fields(self.options)
        )
        return ", ".join(f"{name}={value!r}" for name, value, default in set_here if value != default)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Raise UsageError for a sample without an image, which would otherwise be returned unchanged."""
        if not any(_is_image(value) for value in flat_inputs):
            kinds = ", ".join(sorted({type(value).__name__ for value in flat_inputs})) or "nothing"
            raise UsageError(
                f"The sample contains no image: {kinds}.",
                hint="Place v2.ToImage() before Denoise, or call denoiser.denoise(array) for numpy arrays.",
            )

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ARG002 - the interface of torchvision
        """Return the clean image, of the same type."""
        return denoise(inpt, self.options)
