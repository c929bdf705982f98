import json
import math
from typing import Any

import pytest

from denoiser.childprocess import ChildEnded
from denoiser.engine import verdict
from denoiser.engine.verdict import Verdict, judged, stored_verdict
from denoiser.models import catalog
from denoiser.models.catalog import CatalogEntry

FOUND = Verdict(True, "int8", "agrees")


@pytest.fixture(scope="module")
def fast() -> CatalogEntry:
    return catalog.find("fast", "cpu")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DENOISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _found(time: float, rms: float = 0.0, largest: float = 0.0) -> dict[str, Any]:
    return {"rms": rms, "largest": largest, "time": time}


def _answer(torch_in: str, torch_time: float, fp32: dict[str, Any], int8: dict[str, Any] | None = None):
    answer = {"torch": {"precision": torch_in, "time": torch_time}, "fp32": fp32}
    return answer | ({"int8": int8} if int8 else {})


@pytest.mark.parametrize(
    ("answer", "fp32", "automatic", "reason"),
    [
        # Without bf16 OpenVINO computes fp32, unless it is clearly slower or wrong.
        (_answer("fp32", 1.0, _found(0.8)), True, "fp32", "by OpenVINO"),
        (_answer("fp32", 1.0, _found(1.05)), True, "fp32", "by OpenVINO"),
        (_answer("fp32", 1.0, _found(1.2)), False, "", "by torch"),
        (_answer("fp32", 1.0, _found(0.8, rms=0.1)), False, "", "failed its check"),
        (_answer("fp32", 1.0, _found(0.8, math.nan, math.nan)), False, "", "failed its check"),
        ({"fault": "no such instruction"}, False, "", "no such instruction"),
        # bf16 of torch is used where it is faster.
        (_answer("bf16", 0.5, _found(0.8)), False, "", "by torch"),
        # int8 must be accurate and much faster than the best of these.
        (_answer("fp32", 1.0, _found(0.8), _found(0.6, 0.2, 2.0)), True, "int8", "75%"),
        (_answer("fp32", 1.0, _found(0.8), _found(0.72, 0.2, 2.0)), True, "fp32", "90%"),
        (_answer("fp32", 1.0, _found(0.8), _found(0.4, 0.4, 2.0)), True, "fp32", "differs from fp32"),
        (_answer("fp32", 1.0, _found(0.8), _found(0.4, 0.2, 4.0)), True, "fp32", "up to 4 steps"),
        (_answer("fp32", 1.0, _found(0.8), {"fault": "invalid"}), True, "fp32", "int8 invalid"),
        (_answer("bf16", 0.5, _found(0.8), _found(0.34, 0.2, 2.0)), False, "int8", "68% of the time of bf16"),
        (_answer("bf16", 0.5, _found(0.8), _found(0.38, 0.2, 2.0)), False, "", "76% of the time of bf16"),
    ],
)
def test_the_fastest_that_is_accurate_is_used(answer, fp32, automatic, reason):
    verdict = judged(answer)
    assert (verdict.fp32, verdict.automatic) == (fp32, automatic)
    assert reason in verdict.reason


def test_a_request_for_fp32_never_gives_int8():
    assert FOUND.precision("auto") == "int8"
    assert FOUND.precision("fp32") == "fp32"
    assert Verdict().precision("fp32") == FOUND.precision("bf16") == ""


def test_the_verdict_is_found_once_and_stored(fast, cache, monkeypatch):
    asked = []
    monkeypatch.setattr(verdict, "_checked", lambda *_: asked.append(1) or (FOUND, True))
    assert stored_verdict(fast) == stored_verdict(fast) == FOUND and asked == [1]
    assert len(list(cache.iterdir())) == 1
    for path in cache.iterdir():
        path.write_text("{", encoding="utf-8")
    stored_verdict(fast)
    assert asked == [1, 1]


def test_another_library_or_processor_is_checked_again(fast, cache, monkeypatch):
    monkeypatch.setattr(verdict, "_checked", lambda *_: (FOUND, True))
    stored_verdict(fast)
    monkeypatch.setattr(verdict.metadata, "version", lambda name: f"another {name}")
    stored_verdict(fast)
    monkeypatch.setattr(verdict, "hardware_name", lambda _device: "another processor")
    stored_verdict(fast)
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("hangs", [True, False])
def test_a_crash_is_remembered_and_a_child_that_is_too_slow_is_not(fast, cache, monkeypatch, hangs):
    def ask(*_: object) -> None:
        raise ChildEnded("the child process was killed by SIGFPE", "SIGFPE", hangs=hangs)

    monkeypatch.setattr(verdict.Child, "ask", ask)
    found = stored_verdict(fast)
    assert "SIGFPE" in found.reason and not found.fp32 and not found.automatic
    assert bool(list(cache.iterdir())) == (not hangs)
    if not hangs:
        assert "SIGFPE" in json.loads(next(cache.iterdir()).read_text())["reason"]


def test_nothing_is_checked_if_the_verdict_cannot_be_stored(fast, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DENOISE_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(verdict, "_checked", lambda *_: pytest.fail("started a child process"))
    found = stored_verdict(fast)
    assert "cannot be stored" in found.reason and not found.automatic
