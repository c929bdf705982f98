import subprocess
import sys

import pytest

from denoiser.engine.allocator import keep_freed_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is nothing to tell elsewhere")

_PAGES_ASKED_FOR = """
import resource
import torch
from denoiser.engine.allocator import keep_freed_memory

told = keep_freed_memory()

def blocks():
    for _ in range(20):
        torch.ones(12_000_000)  # 48 MB: a layer of a tile

blocks()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
blocks()
print(told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


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
def test_who_has_set_the_allocator_is_not_overruled(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert keep_freed_memory.__wrapped__() is False
