from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser.codec import container
from denoiser_gui.controller import Controller
from denoiser_gui.model.latent import DEFAULT_QUALITY
from denoiser_gui.qt import QCheckBox, QLabel, QPushButton, Qt
from denoiser_gui.view.latent_panel import LatentPanel
from denoiser_gui.view.sliders import ValueSlider

_PATIENCE = 60_000  # ms
Open = Callable[[], Controller]


@pytest.fixture
def panel(opened: Open, qtbot: QtBot, tiny_codec: Path) -> Iterator[LatentPanel]:
    controller = opened()
    qtbot.waitUntil(lambda: controller.picture(controller.photos[0].key) is not None, timeout=_PATIENCE)
    panel = LatentPanel(controller, str(tiny_codec))
    qtbot.addWidget(panel)
    panel.resize(320, 700)
    panel.show()
    _rated(panel, qtbot)
    yield panel
    panel.close()


def _rated(panel: LatentPanel, qtbot: QtBot, quality: float | None = None) -> None:
    def is_there() -> bool:
        rated = panel.rated
        return rated is not None and (quality is None or abs(rated.request.quality - quality) < 0.1)

    qtbot.waitUntil(is_there, timeout=_PATIENCE)


def _words(panel: LatentPanel) -> str:
    return "\n".join(label.text() for label in panel.findChildren(QLabel))


def test_a_photo_is_encoded_when_the_tab_is_shown(panel: LatentPanel, controller: Controller) -> None:
    assert panel.rated is not None and panel.rated.request.quality == pytest.approx(DEFAULT_QUALITY)
    words = _words(panel)
    assert f"{panel.rated.bits_per_pixel:.2f}" in words and "dB" in words
    right = controller.viewer.shown_instead[1]
    assert right is not None and right.label.startswith("Latent · ")
    assert np.array_equal(right.image.pixels, panel.rated.image.pixels)


def test_the_slider_encodes_at_the_newest_quality(panel: LatentPanel, qtbot: QtBot) -> None:
    slider = panel.findChild(ValueSlider)
    assert slider is not None
    slider.setFocus()
    for _ in range(20):
        qtbot.keyClick(slider, Qt.Key.Key_Left)
    _rated(panel, qtbot, quality=DEFAULT_QUALITY - 20)
    panel.set_quality(90)
    _rated(panel, qtbot, quality=90)


def test_the_left_pane_shows_another_format_of_the_same_size(
    panel: LatentPanel, controller: Controller, qtbot: QtBot
) -> None:
    panel.set_quality(95)
    _rated(panel, qtbot, quality=95)
    button = next(b for b in panel.findChildren(QPushButton) if b.text() == "JPEG")
    button.click()
    qtbot.waitUntil(lambda: panel.rated is not None and panel.rated.request.rival == "JPEG", timeout=_PATIENCE)
    rated = panel.rated
    assert rated is not None
    left = controller.viewer.shown_instead[0]
    assert rated.rival is not None and left is not None
    assert left.label.startswith("JPEG · ")


def test_denoising_shows_the_saved_bytes(panel: LatentPanel, qtbot: QtBot) -> None:
    tick = panel.findChild(QCheckBox)
    assert tick is not None
    tick.click()
    qtbot.waitUntil(lambda: panel.rated is not None and panel.rated.request.cleans, timeout=_PATIENCE)
    rated = panel.rated
    assert rated is not None
    assert rated.noisy_bytes > len(rated.data)
    assert "Denoising saves" in _words(panel)


def test_the_shown_file_is_saved(panel: LatentPanel, qtbot: QtBot, tmp_path: Path) -> None:
    assert panel.rated is not None
    panel.save_to(tmp_path / "a.dlf")
    qtbot.waitUntil((tmp_path / "a.dlf").is_file, timeout=_PATIENCE)
    assert (tmp_path / "a.dlf").read_bytes() == panel.rated.data
    assert container.read(tmp_path / "a.dlf").width == 96


def test_hiding_the_tab_restores_the_panes(panel: LatentPanel, controller: Controller, qtbot: QtBot) -> None:
    panel.hide()
    assert controller.viewer.shown_instead == (None, None)
    panel.show()
    _rated(panel, qtbot)


def test_another_photo_is_encoded_again(panel: LatentPanel, controller: Controller, qtbot: QtBot) -> None:
    before = panel.rated
    controller.look_at(controller.photos[1].key)
    qtbot.waitUntil(lambda: panel.rated is not None and panel.rated is not before, timeout=_PATIENCE)
    picture = controller.picture(controller.photos[1].key)
    assert panel.rated is not None and picture is not None
    assert panel.rated.request.image is picture.image


def test_without_a_codec_the_tab_says_so(opened: Open, qtbot: QtBot, tmp_path: Path) -> None:
    panel = LatentPanel(opened(), str(tmp_path / "none.safetensors"))
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: "not encoded" in _words(panel), timeout=_PATIENCE)
    assert not panel.save.isEnabled()
    panel.close()
