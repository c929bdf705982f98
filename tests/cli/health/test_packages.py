"""The packages of this environment load; broken ones are tried in tests of the examination."""

from __future__ import annotations

import pytest
import torch

from denoiser_cli.health import packages


def test_this_environment_is_sound() -> None:
    section = packages.examine()
    facts = {fact.name: fact.value for fact in section.facts}
    assert not section.stops_cleaning
    assert facts["torchvision"] == "fits"
    assert str(facts["libvips"]).count(".") == 2


def test_too_few_threads_are_said_with_what_limits_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in packages.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(packages, "usable_cores", lambda: 64.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (remark,) = packages.examine().remarks
    threads = torch.get_num_threads()
    assert remark.text == f"torch uses {threads} of 64 cores (OMP_NUM_THREADS=1), which makes cleaning slower."
    assert remark.remedy == "Unset OMP_NUM_THREADS to use all cores."
    monkeypatch.delenv("OMP_NUM_THREADS")
    (remark,) = packages.examine().remarks
    assert "OMP" not in remark.text and remark.remedy == ""
