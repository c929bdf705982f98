"""How large a tile, how many at once, how much for pictures: integers, decided before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from denoiser.engine import sanity
from denoiser.errors import UsageError
from denoiser.networks.spec import NetworkSpec
from denoiser.options import DenoiseOptions
from denoiser.tiling import TilePlan, plan_tiles, rounded_up

# On a CPU larger tiles need less halo; smaller ones cancel sooner and need less memory: docs/engine.md.
_LARGEST_TILE = {"cpu": 1024, "cuda": 1024, "mps": 1024}
_SMALLEST_TILE = 256  # below it a halo of 40 costs twice the work and more
_STEP_OF_TILE = 64
_STEP_OF_SHAPES = {
    "cpu": 0,
    "cuda": 64,
    "mps": 0,
}  # where unlike pictures share a batch their tiles should be alike
_MOST_AT_ONCE = 16  # tiles; a card is full long before
_SHARE_OF_FREE = {"cpu": 0.5, "cuda": 0.8, "mps": 0.5}  # the rest is for decoding, encoding and other programs
_MOST_WAITING = 256_000_000  # bytes: a photo of 24 MP with its result, or enough small ones to fill any batch
_GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What a session may take. ``memory`` is the ceiling in bytes for tiles and pictures under way together."""

    device: str
    tile: int
    batch: int
    memory: int
    bytes_per_pixel: int  # of a tile: what the network holds while it computes
    fixed_tile: bool = False  # was asked for, and stays
    fixed_batch: bool = False

    @property
    def bytes_waiting(self) -> int:
        """What may wait on either side of the device, of pictures that stream through."""
        return min(self.for_pictures // 2, _MOST_WAITING)

    @property
    def for_pictures(self) -> int:
        """What is left of the ceiling for pictures that wait, are under way, or are done."""
        return max(0, self.memory - self.batch * self.tile**2 * self.bytes_per_pixel)

    def plan(self, height: int, width: int, spec: NetworkSpec) -> TilePlan:
        """The tiles of a picture of that size."""
        return plan_tiles(
            height,
            width,
            multiple=spec.size_multiple,
            halo=_halo(spec),
            tile=self.tile,
            step=_STEP_OF_SHAPES[self.device] if self.tile >= _SMALLEST_TILE else 0,
        )

    def smaller(self, spec: NetworkSpec) -> Budget | None:
        """The next step down after memory ran out: half the batch, then half the tile; None at the bottom."""
        if self.batch > 1 and not self.fixed_batch:
            return replace(self, batch=self.batch // 2)
        tile = max(self.tile // 2 // _STEP_OF_TILE * _STEP_OF_TILE, _bare_least(spec))
        if tile < self.tile and not self.fixed_tile:
            return replace(self, tile=tile)
        return None


def make_budget(
    options: DenoiseOptions, device: str, spec: NetworkSpec, *, free: int, bytes_per_pixel: int
) -> Budget:
    """The largest tile and batch that leave half of the ceiling to pictures; what was asked for stays."""
    memory = int(_SHARE_OF_FREE[device] * free) if options.memory is None else int(options.memory * _GB)
    for_tiles = memory // 2
    tile, batch = options.tile, options.batch_size
    if tile is None:
        tile = max(_LARGEST_TILE[device], _least(spec))
        while tile > _least(spec) and (batch or 1) * tile**2 * bytes_per_pixel > for_tiles:
            tile -= _STEP_OF_TILE
        tile = max(tile, _least(spec))
    elif tile % spec.size_multiple or tile < _bare_least(spec):
        raise UsageError(
            f"Invalid tile size {tile} for this model.",
            hint=f"Use a multiple of {spec.size_multiple}, at least {_bare_least(spec)}.",
        )
    if batch is None:
        room = for_tiles // (tile**2 * bytes_per_pixel)
        batch = max(1, min(room, _MOST_AT_ONCE)) if device == "cuda" else 1
    return Budget(
        device=device,
        tile=tile,
        batch=batch,
        memory=memory,
        bytes_per_pixel=bytes_per_pixel,
        fixed_tile=options.tile is not None,
        fixed_batch=options.batch_size is not None,
    )


def _halo(spec: NetworkSpec) -> int:
    """What a tile needs around its core: for the network, and for what follows it."""
    return max(spec.halo, sanity.REACH)


def _bare_least(spec: NetworkSpec) -> int:
    """The smallest tile that has a core at all."""
    return max(2 * rounded_up(_halo(spec), spec.size_multiple) + spec.size_multiple, 64)


def _least(spec: NetworkSpec) -> int:
    """The smallest tile that is chosen unasked."""
    return max(_SMALLEST_TILE, rounded_up(4 * _halo(spec), _STEP_OF_TILE))
