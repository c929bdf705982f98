from __future__ import annotations

import pytest

from denoiser.engine import device
from denoiser_gui.model.devices import usable_devices


def test_devices_that_are_missing_are_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_cuda_fault", lambda: "none found")
    monkeypatch.setattr(device, "_has_apple_gpu", lambda: True)
    assert usable_devices(("auto", "cpu", "cuda", "mps")) == ("auto", "cpu", "mps")
