import subprocess
import sys

import numpy as np
import pytest
import torch

from denoiser.engine import memory
from denoiser.engine.memory import Budget, keep_freed_memory, make_budget
from denoiser.errors import UsageError
from denoiser.networks.condition import NetworkSpec
from denoiser.options import DenoiseOptions


def test_something_is_free_here():
    assert 1 << 20 < memory.free_bytes("cpu") < 1 << 50


def test_what_the_system_says_is_understood(tmp_path):
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:       24105000 kB\nMemAvailable:   20451000 kB\n", encoding="ascii")
    assert memory._free_of_system(told) == 20_451_000 * 1024
    told.write_text("nothing of the kind\n", encoding="ascii")
    assert memory._free_of_system(told) is None
    assert memory._free_of_system(tmp_path / "absent") is None


def test_a_container_has_less_than_its_host(tmp_path):
    (tmp_path / "memory.current").write_text("300\n", encoding="ascii")
    (tmp_path / "memory.max").write_text("1000\n", encoding="ascii")
    assert memory._free_of_container(tmp_path) == 700
    (tmp_path / "memory.max").write_text("max\n", encoding="ascii")
    assert memory._free_of_container(tmp_path) is None
    assert memory._free_of_container(tmp_path / "absent") is None


def test_a_shortage_is_known_however_it_is_said():
    with pytest.raises(RuntimeError) as of_torch:
        torch.empty(1 << 60, dtype=torch.uint8)
    with pytest.raises(MemoryError) as of_numpy:
        np.empty(1 << 60, dtype=np.uint8)
    assert memory.is_shortage(of_torch.value)
    assert memory.is_shortage(of_numpy.value)
    assert memory.is_shortage(torch.OutOfMemoryError("CUDA out of memory."))
    assert memory.is_shortage(RuntimeError("could not create a primitive"))
    assert not memory.is_shortage(RuntimeError("a kernel is broken"))
    assert not memory.is_shortage(ValueError("out of memory"))


_linux = pytest.mark.skipif(sys.platform != "linux", reason="there is nothing to tell elsewhere")

_PAGES_ASKED_FOR = """
import resource
import torch
from denoiser.engine.memory import keep_freed_memory

told = keep_freed_memory()

def blocks():
    for _ in range(20):
        torch.ones(12_000_000)  # 48 MB: a layer of a tile

blocks()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
blocks()
print(told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@_linux
def test_blocks_come_back_without_new_pages():
    words = [sys.executable, "-c", _PAGES_ASKED_FOR]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=True)
    told, pages = done.stdout.split()
    if told != "True":
        pytest.skip("another C library, or an allocator that somebody has set")
    assert int(pages) < 1000  # 20 blocks of 48 MB are 230,000 pages


@pytest.mark.parametrize(
    ("name", "value"), [("MALLOC_ARENA_MAX", "2"), ("GLIBC_TUNABLES", "glibc.malloc.arena_max=2")]
)
@_linux
def test_who_has_set_the_allocator_is_not_overruled(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert keep_freed_memory.__wrapped__() is False


SPEC = NetworkSpec(size_multiple=8, halo=40, formula_radius=60, kmac_per_pixel=57.6, parameters=1_151_808)
GIB = 1 << 30


def _budget(device: str = "cpu", free: int = 16 * GIB, bytes_per_pixel: int = 300, **words) -> Budget:
    return make_budget(DenoiseOptions(**words), device, SPEC, free=free, bytes_per_pixel=bytes_per_pixel)


def test_with_plenty_of_memory_a_cpu_takes_one_large_tile_and_a_card_many():
    assert (_budget().tile, _budget().batch) == (1024, 1)
    card = _budget("cuda", free=100 * GIB)
    assert (card.tile, card.batch) == (1024, 16)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("gigabytes", [0.2, 0.3, 0.5, 1.0, 8.0])
@pytest.mark.parametrize("bytes_per_pixel", [300, 1200])
def test_tiles_take_half_of_the_ceiling_unless_the_smallest_is_larger(device, gigabytes, bytes_per_pixel):
    budget = _budget(device, bytes_per_pixel=bytes_per_pixel, memory=gigabytes)
    assert budget.memory == gigabytes * 1e9
    needed = budget.batch * budget.tile**2 * bytes_per_pixel
    assert needed <= budget.memory / 2 or (budget.tile, budget.batch) == (256, 1)


def test_the_ceiling_is_a_share_of_what_is_free_where_nobody_says():
    assert _budget(free=10 * GIB).memory == 5 * GIB
    assert _budget("cuda", free=10 * GIB).memory == 8 * GIB


def test_what_is_asked_for_is_taken_however_little_is_free():
    budget = _budget(free=GIB // 8, tile=2048, batch_size=7)
    assert (budget.tile, budget.batch) == (2048, 7)
    assert budget.smaller(SPEC) is None


@pytest.mark.parametrize("tile", [64, 80, 300])
def test_a_tile_that_no_plan_can_use_is_refused_with_what_can(tile):
    with pytest.raises(UsageError, match=f"Invalid tile size {tile} ") as caught:
        _budget(tile=tile)
    assert "multiple of 8, at least 104" in caught.value.hint
    assert _budget(tile=104).plan(500, 500, SPEC).tiles[0].shape == (104, 104)


def test_steps_down_end_at_the_smallest_tile():
    budget: Budget | None = _budget("cuda", free=100 * GIB)
    seen = []
    while budget is not None:
        seen.append((budget.tile, budget.batch))
        budget = budget.smaller(SPEC)
    assert seen == [(1024, 16), (1024, 8), (1024, 4), (1024, 2), (1024, 1), (512, 1), (256, 1), (128, 1), (104, 1)]


def test_a_fixed_batch_steps_down_by_the_tile_alone_and_a_fixed_tile_by_the_batch():
    smaller = _budget("cuda", free=100 * GIB, batch_size=16).smaller(SPEC)
    assert smaller is not None and (smaller.tile, smaller.batch) == (512, 16)
    smaller = _budget("cuda", free=100 * GIB, tile=1024).smaller(SPEC)
    assert smaller is not None and (smaller.tile, smaller.batch) == (1024, 8)


def test_every_plan_of_a_budget_fits_it():
    for device in ("cpu", "cuda"):
        budget = _budget(device)
        for size in ((1, 1), (64, 5000), (1021, 1031), (4000, 6000)):
            tall, wide = budget.plan(*size, SPEC).tiles[0].shape
            assert tall * wide <= budget.tile**2
