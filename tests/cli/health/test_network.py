"""Inference is measured, and its speed is explained."""

from __future__ import annotations

import pytest

from denoiser_cli.health import network
from denoiser_cli.health.network import Speed, explain_speed, explain_unused_card
from denoiser_cli.health.page import Remark, Section

IDLE = Speed(1.0, 0.6, 2e11, 0.95)


def reasons(precision: str, speed: Speed, free: int) -> list[Remark]:
    section = Section()
    explain_speed(section, "cpu", precision, speed, free=free)
    return section.remarks


def reason_for_cpu(cards: list[str], built_for: str | None, fault: str) -> Remark:
    section = Section()
    explain_unused_card(section, cards, built_for, fault)
    (remark,) = section.remarks
    return remark


def test_the_network_runs_and_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_SIDE", 128)
    facts = {fact.name: fact.value for fact in network.examine_network().facts}
    assert "cpu" in facts["devices"]  # type: ignore[operator]
    assert facts["device"] in ("cpu", "cuda", "mps")
    assert facts["precision"] in ("fp32", "bf16")
    assert float(str(facts["megapixels_per_second"])) > 0
    assert 0 < float(str(facts["share_of_peak"])) < 5
    assert facts["model"] == "denoiser-fast" or str(facts["model"]).startswith("denoiser-")


def test_an_idle_machine_with_good_instructions_is_not_remarked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "fast_bf16", lambda: True)
    assert reasons("bf16", IDLE, 8_000_000_000) == []


@pytest.mark.parametrize(
    ("speed", "free", "lacks", "words"),
    [
        (IDLE, 8_000_000_000, True, "no bf16 instructions"),
        (
            Speed(0.2, 0.2, 2e11, 0.25),
            8_000_000_000,
            False,
            "Other programs used 75% of the CPU time during the test",
        ),
        (Speed(0.2, 0.1, 2e11, 0.95), 8_000_000_000, False, "Only 10% of the convolution peak"),
        (IDLE, 900_000_000, False, "Only 0.9 GB of memory are free"),
    ],
    ids=["no bf16", "busy", "unexplained", "memory"],
)
def test_each_reason_is_reported_alone(
    monkeypatch: pytest.MonkeyPatch, speed: Speed, free: int, lacks: bool, words: str
) -> None:
    monkeypatch.setattr(network, "fast_bf16", lambda: not lacks)
    (remark,) = reasons("fp32", speed, free)
    assert words in remark.text
    assert not remark.stops_cleaning


def test_an_unused_gpu_is_reported_with_a_remedy() -> None:
    assert "no GPU" in reason_for_cpu([], "13.2", "none is offered").text
    processors_only = reason_for_cpu(["NVIDIA T4"], None, "none is offered")
    assert "build is CPU only" in processors_only.text and "pip install" in processors_only.remedy
    old_driver = reason_for_cpu(["NVIDIA T4"], "13.2", "the driver is too old")
    assert old_driver.text.endswith("torch for CUDA 13.2 cannot use it: the driver is too old.")
    assert "driver" in old_driver.remedy
