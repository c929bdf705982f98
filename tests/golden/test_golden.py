"""Files that were written once are read for good: the same symbols to the bit, the same pixels within one step."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from reference_layers import index_int64

from denoiser import imageio
from denoiser.codec import container, model
from denoiser.codec.context import Coder, masks
from denoiser.codec.decode import Decoder
from denoiser.codec.entropy.symbols import SymbolDecoder, SymbolEncoder
from denoiser.codec.mosaic import in_latents, padded
from denoiser.options import DecodeOptions

FOLDER = Path(__file__).with_name("v1")
WEIGHTS = FOLDER / "golden.safetensors"
PINNED: dict[str, Any] = json.loads((FOLDER / "pinned.json").read_text("utf-8"))
FILES = sorted(PINNED["files"])


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_golden", FOLDER.with_name("generate.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def exact_part() -> model.ExactPart:
    return model.load_exact(model.find(str(WEIGHTS)))


def test_nothing_in_the_folder_has_changed() -> None:
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == PINNED["weights"]
    assert {path.stem for path in FOLDER.glob("*.dlf")} == set(FILES)


def test_the_tables_have_the_pinned_digest(exact_part: model.ExactPart) -> None:
    assert exact_part.tables.digest == PINNED["tables"]


@pytest.mark.parametrize("name", FILES)
def test_symbols_are_those_that_were_written(name: str, exact_part: model.ExactPart, generate: ModuleType) -> None:
    data = (FOLDER / f"{name}.dlf").read_bytes()
    assert generate.symbol_digests(data, Coder(exact_part)) == PINNED["files"][name]["symbols"]


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_written_again_byte_for_byte(name: str) -> None:
    data = (FOLDER / f"{name}.dlf").read_bytes()
    assert container.write(container.read_bytes(data, name)) == data


@pytest.mark.parametrize("name", [name for name in FILES if PINNED["files"][name]["symbols"]])
def test_symbols_are_coded_again_to_the_same_bytes(name: str, exact_part: model.ExactPart) -> None:
    """And with an index that int64 alone computed: the twin, on real streams."""
    file = container.read(FOLDER / f"{name}.dlf")
    assert file.grid is not None
    for box, tile in zip(file.grid.boxes(), file.tiles, strict=True):
        place = in_latents(padded(box))
        z, symbols = Coder(exact_part).symbols(tile, (place.height, place.width), file.step)
        encoder = SymbolEncoder(exact_part.tables)
        encoder.add_hyper(z, file.step)
        known = np.zeros_like(symbols)
        for number, mask in enumerate(masks(*symbols.shape)):
            index = index_int64(exact_part.index, z, file.step, number, known)
            encoder.add(symbols[mask], index[mask])
            known[mask] = symbols[mask]
        assert (encoder.finish(), encoder.checksum) == (tile.stream, tile.symbols_crc)


@pytest.mark.parametrize("name", FILES)
def test_pixels_are_within_one_step_of_the_reference(name: str) -> None:
    words = {"device": "cpu", "precision": "fp32", "region": PINNED["files"][name]["region"]}
    file = container.read(FOLDER / f"{name}.dlf")
    found = Decoder(DecodeOptions(model=str(WEIGHTS), **words)).decode(file, name).image
    wanted = imageio.read(FOLDER / f"{name}.png")
    allowed = 0 if file.is_exact else 1
    assert np.abs(found.pixels.astype(int) - wanted.pixels.astype(int)).max() <= allowed
    assert (found.alpha is None) == (wanted.alpha is None)
    if found.alpha is not None:
        assert np.array_equal(found.alpha, wanted.alpha)


def test_extreme_symbols_are_the_same_bytes_for_good(exact_part: model.ExactPart, generate: ModuleType) -> None:
    data = (FOLDER / "extremes.bin").read_bytes()
    assert generate.stream(exact_part.tables) == (data, PINNED["extremes"])
    symbols, index = generate.extremes()
    assert np.abs(symbols).max() == 32768
    decoder = SymbolDecoder(data, exact_part.tables)
    assert np.array_equal(decoder.take(index), symbols)
    decoder.close(PINNED["extremes"])


_DIGESTS = """
import json, sys
from pathlib import Path
import generate
from denoiser.codec import model
from denoiser.codec.context import Coder
folder = Path(sys.argv[1])
coder = Coder(model.load_exact(model.find(str(folder / "golden.safetensors"))))
names = sorted(path.stem for path in folder.glob("*.dlf"))
print(json.dumps({name: generate.symbol_digests((folder / f"{name}.dlf").read_bytes(), coder) for name in names}))
"""


@pytest.mark.long
@pytest.mark.parametrize("threads", ["1", "2", "4"])
def test_symbols_do_not_depend_on_the_number_of_threads(threads: str) -> None:
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    environment = os.environ | counts | {"PYTHONPATH": str(FOLDER.parent)}
    run = subprocess.run(
        [sys.executable, "-c", _DIGESTS, str(FOLDER)], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == {name: PINNED["files"][name]["symbols"] for name in FILES}
