"""`denoise doctor`: the page of this machine, and of one without torch."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from denoiser_cli.health.page import CHECKS
from denoiser_cli.render_json import KEYS


@pytest.mark.long
def test_the_page_of_this_machine(call) -> None:
    answer = call("doctor", "--out", "clean")
    assert answer.code == 0, answer.out
    assert answer.out.startswith("denoise doctor: cleaning works; ")
    for check in CHECKS:
        assert f"\n{check.title}\n" in answer.out
        assert f"{check.title}: checked" in answer.err
    for words in (
        "MP/s (denoiser-fast, test image of 1 MP)",
        "of the convolution peak of",
        "precision",
    ):
        assert words in answer.out
    assert list(Path().iterdir()) == [], "nothing is left behind"


def test_a_machine_without_torch_gets_its_page_and_exit_4(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / "planted" / "torch"
    planted.mkdir(parents=True)
    (planted / "__init__.py").write_text("raise ImportError('no torch')\n", encoding="utf-8")
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(planted.parent), before))))
    answer = call("doctor", "--json", "-q")
    assert answer.code == 4 and answer.err == ""
    (line,) = answer.out.splitlines()
    said = json.loads(line)
    assert list(said) == ["event", *KEYS["examined"]]
    assert said["event"] == "examined" and said["can_clean"] is False
    assert list(said["sections"]) == [check.name for check in CHECKS]
    assert said["sections"]["weights"]["denoiser-fast"] is True
    assert said["sections"]["network"] == {"examined": False}
    assert [one["text"] for one in said["remarks"] if one["stops_cleaning"]] == ["torch cannot be loaded: no torch"]
