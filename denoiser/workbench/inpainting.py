"""Fills masked pixels with a denoiser: scratches, dust, dead pixels, text.

    smooth fill ─► add noise ─► denoise ─► restore the known pixels ─┐ the noise falls from 50 to 5 of 255
                      ▲                                              │
                      └──────────────────────────────────────────────┘

A denoiser that is trained on photos is a model of what photos look like. Each step moves the masked pixels towards
such an image, given the pixels around them: edges continue first, fine structure follows at low noise levels. The
method follows Kadkhodaie and Simoncelli ("Stochastic solutions for linear inverse problems using the prior implicit
in a denoiser", NeurIPS 2021). Only windows around masked pixels are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from denoiser import imageio
from denoiser.batch.discover import discover, looks_like_image
from denoiser.batch.layout import Job
from denoiser.batch.report import Report
from denoiser.batch.settings import Settings
from denoiser.engine.device import choose_device
from denoiser.errors import NothingToDo, UnusableData
from denoiser.events import CancelToken, Listener, TileDone, ignore
from denoiser.image import Image, Pixels, from_numpy
from denoiser.imageio import formats
from denoiser.models import catalog, loading
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of
from denoiser.options import InpaintOptions, ReadOptions
from denoiser.workbench.outputs import announce, make_outputs, plan_outputs

_NOISE = (50.0, 5.0)  # sigma of the first and the last step, in 8-bit units
_CORE, _MARGIN = 128, 32  # pixels of a window that are kept, and around them
_BATCH = 8  # windows

Mask = NDArray[np.bool_]


class Inpainter:
    """A denoiser that fills masked pixels of many images."""

    def __init__(self, options: InpaintOptions = InpaintOptions()) -> None:
        self._options = options
        self._device = choose_device(options.device)
        loaded = loading.load(catalog.find(options.model, self._device))
        self._network = loaded.network.to(self._device).to(memory_format=torch.channels_last)

    def fill(
        self, image: Image, mask: Mask, *, listener: Listener = ignore, cancel: CancelToken | None = None
    ) -> Image:
        """*image* with other values where *mask* (H, W) is true; all other values are the same.

        Stops after a batch of windows with Cancelled if *cancel* is set. Raises UnusableData if no pixel is known.
        """
        if mask.shape != image.pixels.shape[:2]:
            raise UnusableData(
                f"The mask has {mask.shape[1]} x {mask.shape[0]} pixels, the image {image.width} x {image.height}.",
                hint="A mask has the size of its image.",
            )
        if mask.all():
            raise UnusableData("The mask covers the whole image.", hint="White pixels of the mask are filled.")
        if not mask.any():
            return image
        values = np.nan_to_num(image.pixels.astype(np.float32) / np.float32(image.white))
        known = torch.from_numpy(~mask)[None, None]
        start = torch.from_numpy(values).permute(2, 0, 1)[None].expand(-1, 3, -1, -1)
        filled = self._filled(start, known, listener, cancel or CancelToken())[0].permute(1, 2, 0).numpy()
        pixels = image.pixels.copy()
        pixels[mask] = _in_depth(filled[mask], image)
        return image.with_pixels(pixels)

    @torch.inference_mode()
    def _filled(self, start: Tensor, known: Tensor, listener: Listener, cancel: CancelToken) -> Tensor:
        """The values (1, 3, H, W) of *start* with the others where not *known*."""
        height, width = start.shape[2:]
        around = (_MARGIN, _MARGIN - width % -_CORE, _MARGIN, _MARGIN - height % -_CORE)
        original = values = _smooth_fill(start, known.float())
        places = [
            (top, left)
            for top in range(0, height, _CORE)
            for left in range(0, width, _CORE)
            if not known[..., top : top + _CORE, left : left + _CORE].all()
        ]
        batches = [places[first : first + _BATCH] for first in range(0, len(places), _BATCH)]
        sigmas = np.geomspace(*_NOISE, self._options.steps).tolist()
        noise = torch.Generator().manual_seed(self._options.seed)
        for step, sigma in enumerate(sigmas):
            before, clean = functional.pad(values, around, mode="replicate"), original.clone()
            for number, batch in enumerate(batches):
                cancel.raise_if_cancelled()
                for (top, left), core in zip(batch, self._denoised(before, batch, sigma, noise), strict=True):
                    part = clean[0, :, top : top + _CORE, left : left + _CORE]
                    part.copy_(core[:, : part.shape[1], : part.shape[2]])
                done = step * len(batches) + number + 1
                listener(TileDone(done, len(sigmas) * len(batches), height * width / 1e6))
            values = torch.where(known, original, clean)
        return values

    def _denoised(
        self, values: Tensor, places: list[tuple[int, int]], sigma: float, noise: torch.Generator
    ) -> Tensor:
        """The cores (B, 3, core, core) of the windows at *places*, with noise of *sigma* added and removed."""
        side = _CORE + 2 * _MARGIN
        windows = torch.cat([values[:, :, top : top + side, left : left + side] for top, left in places])
        windows = windows + sigma / 255 * torch.randn(windows.shape, generator=noise)
        windows = windows.to(self._device, memory_format=torch.channels_last)
        planes = planes_of(Condition(sigma, sigma, 0.0)).to(self._device)
        clean: Tensor = self._network(windows, planes)
        return clean[:, :, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN].cpu()


def inpaint(pixels: Pixels, mask: NDArray[Any], options: InpaintOptions = InpaintOptions()) -> Pixels:
    """*pixels* (H, W) or (H, W, C) with other values where *mask* (H, W) is not zero.

    uint8, uint16, or float32 with white at 1; the result has the same dtype, and the same values outside the mask.
    A fourth channel is alpha, and stays.
    """
    image = from_numpy(np.asarray(pixels))
    filled = Inpainter(options).fill(image, np.asarray(mask) != 0).pixels
    if image.alpha is not None:
        filled = np.dstack([filled, image.alpha])
    return np.array(filled.reshape(pixels.shape))


def restore_images(
    sources: Sequence[Path],
    masks: Path,
    out: Path,
    options: InpaintOptions = InpaintOptions(),
    settings: Settings = Settings(),
    *,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Report:
    """Fill the masked pixels of image files and folders. Format, bit depth and metadata are kept.

    *masks* is one mask for all images, or a folder that has the mask of an image under its name, with any suffix.
    Of *settings*, those for reading, writing and files apply.
    Raises before anything is written if the arguments are invalid or unsafe.
    """
    plan, cancel = plan_outputs(sources, out, settings), cancel or CancelToken()
    mask_for = _mask_finder(masks, settings.read)
    announce(plan, listener)
    inpainter = Inpainter(options)

    def make(job: Job) -> tuple[str, ...]:
        image = imageio.read(job.source, settings.read)
        row = formats.by_suffix(job.target)
        with imageio.naming(job.target):
            imageio.refuse_colours(image.profile, image.cicp, row)
            imageio.refuse_alpha(image, row)
        mask = mask_for(job)
        try:
            filled = inpainter.fill(image, mask, listener=listener, cancel=cancel)
        except UnusableData as error:
            raise UnusableData(f"{job.source}: {error.message}", hint=error.hint) from error
        imageio.write(filled, job.target, settings.write)
        empty = () if mask.any() else ("the mask is empty; nothing was filled",)
        return *image.notes, *empty, *imageio.losses(filled, row.key, settings.write)

    return make_outputs(plan, make, listener=listener, cancel=cancel)


def _mask_finder(masks: Path, read: ReadOptions) -> Callable[[Job], Mask]:
    """A function that reads the mask of a job."""
    found = discover([masks], is_image_name=looks_like_image).finds
    if not found:
        raise NothingToDo(
            f"{masks}: no image found.",
            hint="Name an image, or a folder of images that are named like those to restore.",
        )
    if not masks.is_dir():
        mask = mask_of(imageio.read(masks, read))
        return lambda _job: mask
    by_name = {find.below.with_suffix("").as_posix(): find.path for find in found}

    def mask_for(job: Job) -> Mask:
        name = PurePath(job.name or job.source.name).with_suffix("").as_posix()
        if name not in by_name:
            raise UnusableData(
                f"{job.source}: no mask of this name in {masks}.", hint="A mask has the name of its image."
            )
        return mask_of(imageio.read(by_name[name], read))

    return mask_for


def mask_of(image: Image) -> Mask:
    """Where a mask image is white, which is brighter than half of white."""
    bright: Mask = image.pixels.astype(np.float32).mean(axis=2) > image.white / 2
    return bright


def _smooth_fill(values: Tensor, known: Tensor) -> Tensor:
    """*values* (1, 3, H, W), with means of known pixels where *known* (1, 1, H, W) is 0.

    Means are over the smallest squares of a pyramid that contain known pixels.
    """
    if known.min() > 0:
        return values
    share = functional.avg_pool2d(known, 2, ceil_mode=True)
    means = functional.avg_pool2d(values * known, 2, ceil_mode=True) / share.clamp(min=1e-6)
    coarse = _smooth_fill(means, (share > 0).float())
    enlarged = functional.interpolate(coarse, values.shape[2:], mode="bilinear", align_corners=False)
    return torch.where(known > 0, values, enlarged)


def _in_depth(values: NDArray[np.float32], image: Image) -> Pixels:
    """Values (N, 3) in 0..1 as (N, C) in the depth of *image*."""
    if image.channels == 1:
        values = values.mean(axis=1, keepdims=True)
    if image.bits == 32:
        return values
    return np.asarray(np.rint(np.clip(values, 0, 1) * image.white), image.pixels.dtype)
