import json
import math
import shutil
import sys

import numpy as np
import pytest

from denoiser.childprocess import ChildEnded
from denoiser.engine import integer
from denoiser.engine.device import Choice
from denoiser.engine.integer import Verdict, choose_int8, integer_network, judged, stored_verdict
from denoiser.engine.session import Session
from denoiser.errors import Cancelled, MissingDevice, MissingModel
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.models import catalog, loading
from denoiser.networks.condition import Condition
from denoiser.networks.int8 import beside
from denoiser.options import DenoiseOptions

FLOAT = Choice("bf16", "supported")


@pytest.fixture(scope="module")
def fast() -> loading.LoadedModel:
    return loading.load(catalog.find("fast", "cpu"))


@pytest.fixture(scope="module")
def sessions() -> dict[str, Session]:
    return {name: Session(DenoiseOptions(model="fast", device="cpu", precision=name)) for name in ("fp32", "int8")}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DENOISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"rms": 0.2, "largest": 2.0, "time": 0.6}, ""),
        ({"rms": 0.4, "largest": 2.0, "time": 0.6}, "differs"),
        ({"rms": 0.2, "largest": 4.0, "time": 0.6}, "differs"),
        ({"rms": math.nan, "largest": math.nan, "time": 0.6}, "differs"),
        ({"rms": 0.2, "largest": 2.0, "time": 0.88}, "88%"),
        ({"fault": "no such instruction"}, "no such instruction"),
    ],
)
def test_int8_must_be_accurate_and_faster(answer, fault):
    verdict = judged(answer)
    assert fault in verdict.fault and bool(verdict.fault) == bool(fault)


def test_the_verdict_is_found_once_and_stored(fast, cache, monkeypatch):
    asked = []
    monkeypatch.setattr(integer, "_checked", lambda *_: asked.append(1) or (Verdict("", 0.6), True))
    choice, network = choose_int8("auto", "cpu", fast, FLOAT)
    assert choice.name == "int8" and "60%" in choice.reason and network is not None
    assert stored_verdict(fast, "bf16") == Verdict("", 0.6) and asked == [1]
    assert len(list(cache.iterdir())) == 1
    stored_verdict(fast, "fp32")  # relative to another precision
    assert asked == [1, 1]
    for path in cache.iterdir():
        path.write_text("{", encoding="utf-8")
    stored_verdict(fast, "bf16")
    assert asked == [1, 1, 1]


def test_a_failed_check_leaves_the_other_precision_and_says_why(fast, cache, monkeypatch):
    monkeypatch.setattr(integer, "_checked", lambda *_: (Verdict("int8 differs"), True))
    choice, network = choose_int8("auto", "cpu", fast, FLOAT)
    assert choice == Choice("bf16", "supported; int8 differs") and network is None
    assert json.loads(next(cache.iterdir()).read_text())["fault"] == "int8 differs"


@pytest.mark.parametrize("hangs", [True, False])
def test_a_crash_is_remembered_and_a_child_that_is_too_slow_is_not(fast, cache, monkeypatch, hangs):
    def ask(*_: object) -> None:
        raise ChildEnded("the child process was killed by SIGFPE", "SIGFPE", hangs=hangs)

    monkeypatch.setattr(integer.Child, "ask", ask)
    assert "SIGFPE" in stored_verdict(fast, "bf16").fault
    assert bool(list(cache.iterdir())) == (not hangs)


def test_nothing_is_checked_if_the_verdict_cannot_be_stored(fast, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DENOISE_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(integer, "_checked", lambda *_: pytest.fail("started a child process"))
    choice, network = choose_int8("auto", "cpu", fast, FLOAT)
    assert choice.name == "bf16" and "cannot be stored" in choice.reason and network is None


def test_a_request_is_never_replaced_in_silence(fast, tiny_weights, monkeypatch):
    assert choose_int8("int8", "cpu", fast, FLOAT)[0] == Choice("int8", "as requested")
    with pytest.raises(MissingDevice, match="CPU"):
        choose_int8("int8", "cuda", fast, FLOAT)
    tiny = loading.load(catalog.find(str(tiny_weights), "cpu"))
    with pytest.raises(MissingModel, match="no int8 version"):
        choose_int8("int8", "cpu", tiny, FLOAT)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingDevice, match="OpenVINO"):
        choose_int8("int8", "cpu", fast, FLOAT)


@pytest.mark.parametrize(("wish", "device"), [("fp32", "cpu"), ("bf16", "cpu"), ("auto", "cuda")])
def test_other_requests_and_devices_do_not_use_it(fast, wish, device, cache):
    assert choose_int8(wish, device, fast, FLOAT) == (FLOAT, None)


def test_models_without_integers_and_machines_without_openvino_go_on_as_before(
    fast, tiny_weights, cache, monkeypatch
):
    tiny = loading.load(catalog.find(str(tiny_weights), "cpu"))
    assert choose_int8("auto", "cpu", tiny, FLOAT) == (FLOAT, None)
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert choose_int8("auto", "cpu", fast, FLOAT) == (FLOAT, None)


def test_the_file_with_integers_is_no_model_of_its_own(tmp_path):
    assert not [entry.name for entry in catalog.entries() if "int8" in entry.name]
    assert not [bad.name for bad in catalog.survey()[1] if "int8" in bad.name]


def test_integers_of_other_weights_are_refused(fast, tiny_weights):
    tiny = loading.load(catalog.find(str(tiny_weights), "cpu"))
    shutil.copy(beside(fast.path), beside(tiny.path))
    with pytest.raises(Exception, match="other weights"):
        integer_network(tiny)


@pytest.mark.parametrize("sigma", [2.0, 5.0])
def test_no_bands_in_a_smooth_sky(sessions, sigma):
    ramp = np.linspace(0.45, 0.62, 320, dtype=np.float32)[:, np.newaxis, np.newaxis]
    sky = ramp * np.array([0.75, 0.9, 1.15], np.float32)
    noisy = sky + np.random.default_rng(3).standard_normal((320, 256, 3), dtype=np.float32) * np.float32(
        sigma / 255
    )
    pixels = np.rint(noisy * 65535).astype(np.uint16)
    condition = Condition(sigma, sigma, 0.0)
    values = {
        name: session.clean_values(pixels / np.float32(65535), condition) for name, session in sessions.items()
    }
    steps = (values["int8"] - values["fp32"]) * 255
    assert np.sqrt(np.square(steps).mean()) < 0.25
    rows = steps.mean(axis=1)  # a band is a row that differs as a whole
    assert np.abs(rows).max() < 0.15 and np.abs(np.diff(rows, axis=0)).max() < 0.2


def test_a_photo_loses_next_to_nothing(sessions):
    from skimage import data

    clean = data.astronaut()[:256, 100:420] / np.float32(255)
    noisy = clean + np.random.default_rng(1).standard_normal(clean.shape, dtype=np.float32) * np.float32(25 / 255)
    errors = {
        name: np.square(session.clean_values(noisy, Condition(25.0, 25.0, 0.0)) - clean).mean()
        for name, session in sessions.items()
    }
    assert 10 * np.log10(errors["int8"] / errors["fp32"]) < 0.02


def test_batches_order_and_threads_do_not_change_a_bit(sessions):
    rng = np.random.default_rng(0)
    images = [from_numpy(rng.integers(0, 256, (size, 200, 3), dtype=np.uint8)) for size in (120, 200, 120)]
    session = Session(DenoiseOptions(model="fast", device="cpu", precision="int8", noise_level=20.0, tile=256))
    many = Session(
        DenoiseOptions(model="fast", device="cpu", precision="int8", noise_level=20.0, tile=256, batch_size=4)
    )
    alone = [session.clean(image).image.pixels for image in images]
    together = [cleaned.image.pixels for cleaned in many.clean_stack(images[::-1])][::-1]
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)
    assert session.clean(images[0]).precision == "int8"


def test_a_tile_stops_when_it_is_cancelled(sessions):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        sessions["int8"].clean_values(np.zeros((64, 64, 3), np.float32), Condition(25.0, 25.0, 0.0), cancel=cancel)
