"""The check of exactness would notice: another symbol, a damaged file, and pixels that are too far away."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from denoiser.codec import container

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "v1"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import codec_exactness  # type: ignore[import-not-found]

        yield codec_exactness
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
        for name in ("codec_exactness", "contract", "machine"):
            sys.modules.pop(name, None)


def test_digests_are_those_of_the_symbols(script: ModuleType) -> None:
    pinned = json.loads((GOLDEN / "pinned.json").read_text("utf-8"))["files"]
    found = script.digests(str(GOLDEN / "golden.safetensors"), [GOLDEN / "colour.dlf", GOLDEN / "finest.dlf"])
    assert len(set(found.values())) == 2
    one_tile = pinned["colour"]["symbols"]
    assert found["colour.dlf"] in one_tile, "of a file of one tile both are the same"


def test_symbols_that_are_not_those_encoded_are_called_damaged(script: ModuleType, tmp_path: Path) -> None:
    file = container.read(GOLDEN / "colour.dlf")
    other = dataclasses.replace(file.tiles[0], symbols_crc=file.tiles[0].symbols_crc ^ 1)
    (tmp_path / "a.dlf").write_bytes(container.write(dataclasses.replace(file, tiles=(other,))))
    assert script.digests(str(GOLDEN / "golden.safetensors"), [tmp_path / "a.dlf"]) == {"a.dlf": "damaged"}


def test_pixels_are_compared_value_by_value(script: ModuleType, tmp_path: Path) -> None:
    reference = np.full((10, 10, 3), 100, np.uint8)
    for name, change in (("fp32-cpu-1", 0), ("fp32-cpu-2", 1), ("bf16-cpu-1", 4)):
        (tmp_path / name).mkdir()
        picture = reference.copy()
        picture[0, 0, 0] -= change
        np.save(tmp_path / name / "0000.npy", picture)
    assert script.compared(tmp_path, "fp32", "cpu", 2) == (1.0, 1)
    assert script.compared(tmp_path, "bf16", "cpu", 1) == (299 / 300, 4)


def test_decoded_pictures_lie_where_they_are_looked_for(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    shutil.copy(GOLDEN / "coarsest.dlf", tmp_path / "0000.dlf")
    script.decoded(str(GOLDEN / "golden.safetensors"), [tmp_path / "0000.dlf"], "fp32", "cpu")
    assert np.load(tmp_path / "fp32-cpu-1" / "0000.npy").shape == (96, 140, 3)
