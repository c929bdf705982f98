"""Memory: how much is free, how much a network needs, and the sizes of tiles and batches that follow.

Sizes are integers, chosen before inference. `keep_freed_memory` makes the C library of Linux keep freed memory for
the next layer: by default it returns every block beyond 32 MB to the system, and clearing the pages again takes
6 to 10 % of the time.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from denoiser.engine import sanity
from denoiser.errors import UsageError
from denoiser.networks.condition import NetworkSpec
from denoiser.options import DenoiseOptions
from denoiser.tiling import TilePlan, plan_tiles, rounded_up

_UNKNOWN = 2 << 30  # bytes assumed to be free if the system does not report it
_CGROUP = Path("/sys/fs/cgroup")
_ALLOCATION_FAILED = (
    *("not enough memory", "can't allocate memory", "out of memory"),
    *("bad_alloc", "Failed to allocate", "can't alloc"),  # OpenVINO
    # oneDNN reports it like this. The layers are supported: they ran when the model was loaded.
    *("could not create a primitive", "could not execute a primitive", "could not create a memory object"),
)


def free_bytes(device: str) -> int:
    """Bytes that are available on *device*."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    known = [free for free in (_free_of_system(), _free_of_container()) if free is not None]
    return min(known, default=_UNKNOWN)


def is_shortage(error: BaseException) -> bool:
    """Whether *error* means that memory ran out; torch and numpy report it in several ways."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _ALLOCATION_FAILED)


def _free_of_system(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    try:
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        return None
    return None


def _free_of_container(cgroup: Path = _CGROUP) -> int | None:
    """For cgroups version 2; with version 1 a container shows the memory of its host."""
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        return None if limit == "max" else max(0, int(limit) - used)
    except (OSError, ValueError):
        return None


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT = 64 << 20  # bytes: layers of a tile are smaller, most whole images larger
_MOST_KEPT = 384 << 20  # free bytes at the end of the heap: about the need of a tile of 1024


@functools.cache
def keep_freed_memory() -> bool:
    """Configure the C library, once per process; false if that is not possible, or the user has configured it."""
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    if "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)) and bool(mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT))


def give_back_freed_memory() -> None:
    """Return kept memory to the system: after a shortage other parts of the process need it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


# Input, output, two skip connections and temporaries, as multiples of the largest layer. Measured on a tile of 1024
# with denoiser-fast: 7.2 by torch and 5.0 by OpenVINO in fp32, 6.5 in int8.
ALIVE_AT_ONCE = 8
BYTES = 4  # per value in fp32, an upper bound for half precision


# Larger tiles have less overhead by halos; smaller ones need less memory and cancel sooner: docs/engine.md.
_LARGEST_TILE = 1024
_SMALLEST_TILE = 256  # below it a halo of 40 more than doubles the time
_STEP_OF_TILE = 64
# If images of different sizes share a batch, their tiles should have one size.
_STEP_OF_SHAPES = {"cpu": 0, "cuda": 64, "mps": 0}
_MOST_AT_ONCE = 16  # tiles; more are not faster on a GPU
_SHARE_OF_FREE = {"cpu": 0.5, "cuda": 0.8, "mps": 0.5}  # the rest is for images and other programs
_GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """Sizes for a session. ``memory`` is the limit in bytes, of which tiles take at most half."""

    device: str
    tile: int
    batch: int
    memory: int
    bytes_per_pixel: int  # memory of the network per pixel of a tile
    fixed_tile: bool = False  # set by the user, never changed
    fixed_batch: bool = False

    def plan(self, height: int, width: int, spec: NetworkSpec) -> TilePlan:
        """The tiles of an image of that size."""
        return plan_tiles(
            height,
            width,
            multiple=spec.size_multiple,
            halo=_halo(spec),
            tile=self.tile,
            step=_STEP_OF_SHAPES[self.device] if self.tile >= _SMALLEST_TILE else 0,
        )

    def smaller(self, spec: NetworkSpec) -> Budget | None:
        """The next smaller budget after memory ran out: half the batch, then half the tile; None for the
        smallest."""
        if self.batch > 1 and not self.fixed_batch:
            return replace(self, batch=self.batch // 2)
        tile = max(self.tile // 2 // _STEP_OF_TILE * _STEP_OF_TILE, _bare_least(spec))
        if tile < self.tile and not self.fixed_tile:
            return replace(self, tile=tile)
        return None


def make_budget(
    options: DenoiseOptions, device: str, spec: NetworkSpec, *, free: int, bytes_per_pixel: int
) -> Budget:
    """The largest tile and batch that leave half of the limit to images; sizes set by the user stay."""
    memory = int(_SHARE_OF_FREE[device] * free) if options.memory is None else int(options.memory * _GB)
    for_tiles = memory // 2
    tile, batch = options.tile, options.batch_size
    if tile is None:
        least = _least(spec)
        tile = max(_LARGEST_TILE, least)
        while tile > least and (batch or 1) * tile**2 * bytes_per_pixel > for_tiles:
            tile = max(tile - _STEP_OF_TILE, least)
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
    """The overlap of tiles: for the network and for the steps after it."""
    return max(spec.halo, sanity.REACH)


def _bare_least(spec: NetworkSpec) -> int:
    """The smallest possible tile."""
    return max(2 * rounded_up(_halo(spec), spec.size_multiple) + spec.size_multiple, 64)


def _least(spec: NetworkSpec) -> int:
    """The smallest tile that is chosen automatically."""
    return max(_SMALLEST_TILE, rounded_up(4 * _halo(spec), _STEP_OF_TILE))
