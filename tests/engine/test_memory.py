import numpy as np
import pytest
import torch

from denoiser.engine import memory


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
