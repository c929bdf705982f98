"""The picture in tiles: bounded memory whatever its size, and the same result as in one piece."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from denoiser.events import CancelToken
from denoiser.networks.conditioning import Condition
from denoiser.networks.pyramid import PyramidAutoencoder
from denoiser.networks.spec import NetworkSpec
from denoiser.tiling import Tile, TilePlan, plan_tiles

# With its halo. On a CPU the activations of a tile stay in the cache, and a cancel is heard within one tile.
TILE_OF_DEVICE = {"cpu": 512, "cuda": 1024, "mps": 1024}

TileListener = Callable[[int, int], None]


class TiledCleaner:
    """A network on a device, ready for tiles. One thread at a time."""

    def __init__(self, network: PyramidAutoencoder, spec: NetworkSpec, device: str, precision: str) -> None:
        self._network = network.to(device).to(memory_format=torch.channels_last)
        self._spec = spec
        self._device = torch.device(device)
        self._bf16 = precision == "bf16"
        self._tile = TILE_OF_DEVICE[device]

    def plan(self, height: int, width: int) -> TilePlan:
        """The tiles of a picture of that size."""
        return plan_tiles(height, width, multiple=self._spec.size_multiple, halo=self._spec.halo, tile=self._tile)

    def clean(
        self, noisy: NDArray[np.float32], condition: Condition, *, told: TileListener, cancel: CancelToken
    ) -> NDArray[np.float32]:
        """*noisy* (H, W, 3) in 0..1 to clean; stops within one tile of *cancel* with Cancelled."""
        height, width = noisy.shape[:2]
        plan = self.plan(height, width)
        below, beside = plan.padded_height - height, plan.padded_width - width
        padded = np.pad(noisy, ((0, below), (0, beside), (0, 0)), mode="symmetric") if below or beside else noisy
        planes = condition.planes().reshape(1, -1, 1, 1).to(self._device)
        clean = np.empty_like(noisy)
        for number, tile in enumerate(plan.tiles):
            cancel.raise_if_cancelled()
            self._clean_tile(padded, tile, planes, clean)
            told(number + 1, len(plan.tiles))
        return clean

    @torch.inference_mode()
    def _clean_tile(
        self, padded: NDArray[np.float32], tile: Tile, planes: Tensor, clean: NDArray[np.float32]
    ) -> None:
        rows, columns = tile.rows, tile.columns
        window = padded[rows.start : rows.stop, columns.start : columns.stop].transpose(2, 0, 1)[np.newaxis]
        batch = torch.from_numpy(window.copy()).to(self._device, memory_format=torch.channels_last)
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._bf16):
            result = self._network(batch, planes)[0].float().cpu().numpy().transpose(1, 2, 0)
        height, width = clean.shape[:2]
        bottom, right = min(rows.core_stop, height), min(columns.core_stop, width)
        clean[rows.core_start : bottom, columns.core_start : right] = result[
            rows.core_start - rows.start : bottom - rows.start,
            columns.core_start - columns.start : right - columns.start,
        ]
