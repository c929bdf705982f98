"""Which display profile is used; the services of the system are tested with `desktop`."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser.image import Cicp, from_numpy
from denoiser.imageio import colour
from denoiser_gui import desktop
from denoiser_gui.controller import Controller
from denoiser_gui.model.preferences import SRGB

_PATIENCE = 60_000  # ms


def test_the_profile_of_the_system_is_used_unless_another_is_chosen(
    controller: Controller, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = colour.profile_of(Cicp(12, 13), 3)
    monkeypatch.setattr(desktop, "display_profile", {"DP-1": profile}.get)
    controller.open_pasted("a", from_numpy(np.zeros((30, 40, 3), np.uint8)))
    qtbot.waitUntil(lambda: controller.current_pyramid is not None, timeout=_PATIENCE)

    def shows(wanted: bytes | None) -> None:
        def is_shown() -> bool:
            request = controller.viewer.request
            return request is not None and request.display_profile == wanted

        qtbot.waitUntil(is_shown, timeout=_PATIENCE)

    controller.display.use_screen("DP-1")
    shows(profile)
    controller.remember(display_profile=SRGB)
    shows(None)
    controller.remember(display_profile="")
    shows(profile)
    controller.display.use_screen("DP-2")
    shows(None)
