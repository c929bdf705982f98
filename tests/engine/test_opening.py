import dataclasses
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from denoiser.engine import opening
from denoiser.engine.opening import open_network
from denoiser.engine.session import Session
from denoiser.engine.verdict import Verdict
from denoiser.errors import Cancelled, MissingDevice, MissingModel, UntrustedWeights
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.models import catalog, loading
from denoiser.models.catalog import CatalogEntry
from denoiser.networks.condition import Condition
from denoiser.networks.int8 import beside
from denoiser.options import DenoiseOptions


@pytest.fixture(scope="module")
def fast() -> CatalogEntry:
    return catalog.find("fast", "cpu")


@pytest.fixture(scope="module")
def sessions() -> dict[str, Session]:
    return {name: Session(DenoiseOptions(model="fast", device="cpu", precision=name)) for name in ("fp32", "int8")}


def _libraries(monkeypatch, verdict: Verdict) -> None:
    monkeypatch.setattr(opening, "stored_verdict", lambda _entry: verdict)


@pytest.mark.parametrize(
    ("wish", "verdict", "precision", "library"),
    [
        ("auto", Verdict(True, "int8", "fastest"), "int8", "_OpenvinoOnCpu"),
        ("auto", Verdict(True, "fp32", "fastest"), "fp32", "_OpenvinoOnCpu"),
        ("fp32", Verdict(True, "int8", "fastest"), "fp32", "_OpenvinoOnCpu"),
        ("fp32", Verdict(False, "", "wrong"), "fp32", "TorchNetwork"),
        ("bf16", Verdict(True, "int8", "fastest"), "bf16", "TorchNetwork"),
    ],
)
def test_the_library_is_the_one_that_passed_its_check(fast, monkeypatch, wish, verdict, precision, library):
    _libraries(monkeypatch, verdict)
    opened = open_network(wish, "cpu", fast)
    assert type(opened.network).__name__ == library and opened.network.precision == precision
    assert opened.reason.startswith("fastest" if wish == "auto" else "as requested")
    assert opened.spec == loading.load(fast).spec
    assert opened.bytes_per_pixel == 384


def test_a_failed_check_leaves_torch_and_the_reason(fast, monkeypatch):
    _libraries(monkeypatch, Verdict(reason="int8 differs"))
    opened = open_network("auto", "cpu", fast)
    assert opened.network.precision in ("fp32", "bf16") and opened.reason.endswith("; int8 differs")


def test_a_request_is_never_replaced_in_silence(fast, tiny_weights, monkeypatch):
    opened = open_network("int8", "cpu", fast)
    assert (opened.network.precision, opened.reason) == ("int8", "as requested")
    with pytest.raises(MissingDevice, match="CPU"):
        open_network("int8", "cuda", fast)
    with pytest.raises(MissingModel, match="no int8 version"):
        open_network("int8", "cpu", catalog.find(str(tiny_weights), "cpu"))
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingDevice, match="OpenVINO"):
        open_network("int8", "cpu", fast)


def test_without_openvino_nothing_is_checked(fast, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(opening, "stored_verdict", lambda _entry: pytest.fail("checked"))
    assert type(open_network("fp32", "cpu", fast).network).__name__ == "TorchNetwork"


def test_the_file_with_integers_is_no_model_of_its_own():
    assert not [entry.name for entry in catalog.entries() if "int8" in entry.name]
    assert not [bad.name for bad in catalog.survey()[1] if "int8" in bad.name]


def test_integers_of_other_weights_are_refused(fast, tiny_weights):
    tiny = catalog.find(str(tiny_weights), "cpu")
    shutil.copy(beside(fast.path), beside(tiny.path))
    with pytest.raises(UntrustedWeights, match="other weights"):
        open_network("int8", "cpu", tiny)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is found, so torch computes")
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_where_openvino_computes_torch_is_not_imported(fast, tmp_path, precision):
    code = f"""
import sys
from denoiser.engine import opening
from denoiser.engine.verdict import Verdict
opening.stored_verdict = lambda _entry: Verdict(True, {precision!r}, "")
from denoiser_cli.app import run
assert run(["in.png", "--out", "out.png", "--model", "fast"]) == 0
assert "torch" not in sys.modules
"""
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Pillow.fromarray(noisy).save(tmp_path / "in.png")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=os.environ)
    assert (tmp_path / "out.png").is_file()


def test_a_photo_loses_next_to_nothing(sessions):
    from skimage import data

    clean = data.astronaut()[:256, 100:420] / np.float32(255)
    noisy = clean + np.random.default_rng(1).standard_normal(clean.shape, dtype=np.float32) * np.float32(25 / 255)
    errors = {
        name: np.square(session.clean_values(noisy, Condition(25.0, 25.0, 0.0)) - clean).mean()
        for name, session in sessions.items()
    }
    assert 10 * np.log10(errors["int8"] / errors["fp32"]) < 0.02


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_batches_order_and_threads_do_not_change_a_bit(precision, monkeypatch):
    _libraries(monkeypatch, Verdict(True, "fp32", ""))
    rng = np.random.default_rng(0)
    images = [from_numpy(rng.integers(0, 256, (size, 200, 3), dtype=np.uint8)) for size in (120, 200, 120)]
    options = DenoiseOptions(model="fast", device="cpu", precision=precision, noise_level=20.0, tile=256)
    session = Session(options)
    many = Session(dataclasses.replace(options, batch_size=4))
    alone = [session.clean(image).image.pixels for image in images]
    together = [cleaned.image.pixels for cleaned in many.clean_stack(images[::-1])][::-1]
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)
    assert session.clean(images[0]).precision == precision


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_tile_stops_when_it_is_cancelled(sessions, precision):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        sessions[precision].clean_values(
            np.zeros((64, 64, 3), np.float32), Condition(25.0, 25.0, 0.0), cancel=cancel
        )
