from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser.codec import container
from denoiser_gui.controller import Controller
from denoiser_gui.model.captions import in_bytes
from denoiser_gui.model.latent import DEFAULT_QUALITY
from denoiser_gui.qt import QCheckBox, QLabel, QPushButton, Qt
from denoiser_gui.view.latent_panel import LatentPanel
from denoiser_gui.view.widgets import ValueSlider

_PATIENCE = 60_000  # ms
Open = Callable[[], Controller]


@pytest.fixture
def panel(opened: Open, qtbot: QtBot, tiny_codec: Path) -> Iterator[LatentPanel]:
    controller = opened()
    qtbot.waitUntil(lambda: controller.pyramid(controller.photos[0].key) is not None, timeout=_PATIENCE)
    panel = LatentPanel(controller, str(tiny_codec))
    qtbot.addWidget(panel)
    panel.resize(320, 700)
    panel.show()
    _wait_for_result(panel, qtbot)
    yield panel
    panel.close()


def _wait_for_result(panel: LatentPanel, qtbot: QtBot, quality: float | None = None) -> None:
    def is_there() -> bool:
        result = panel.result
        return result is not None and (quality is None or abs(result.request.quality - quality) < 0.1)

    qtbot.waitUntil(is_there, timeout=_PATIENCE)


def _words(panel: LatentPanel) -> str:
    return "\n".join(label.text() for label in panel.findChildren(QLabel))


def test_a_photo_is_encoded_when_the_tab_is_shown(panel: LatentPanel, controller: Controller) -> None:
    assert panel.result is not None and panel.result.request.quality == pytest.approx(DEFAULT_QUALITY)
    words = _words(panel)
    assert f"{panel.result.bits_per_pixel:.2f}" in words and "dB" in words
    right = controller.viewer.replacements[1]
    assert right is not None and right.label.startswith("Latent · ")
    assert np.array_equal(right.image.pixels, panel.result.image.pixels)


def test_the_slider_encodes_at_the_newest_quality(panel: LatentPanel, qtbot: QtBot) -> None:
    slider = panel.findChild(ValueSlider)
    assert slider is not None
    slider.setFocus()
    for _ in range(20):
        qtbot.keyClick(slider, Qt.Key.Key_Left)
    _wait_for_result(panel, qtbot, quality=DEFAULT_QUALITY - 20)
    panel.set_quality(90)
    _wait_for_result(panel, qtbot, quality=90)


def test_the_left_pane_shows_another_format_of_the_same_size(
    panel: LatentPanel, controller: Controller, qtbot: QtBot
) -> None:
    panel.set_quality(95)
    _wait_for_result(panel, qtbot, quality=95)
    button = next(b for b in panel.findChildren(QPushButton) if b.text() == "JPEG")
    button.click()
    qtbot.waitUntil(lambda: panel.result is not None and panel.result.request.rival == "JPEG", timeout=_PATIENCE)
    result = panel.result
    assert result is not None
    left = controller.viewer.replacements[0]
    assert result.rival is not None and left is not None
    assert left.label.startswith("JPEG · ")


def test_denoising_shows_the_saved_bytes(panel: LatentPanel, qtbot: QtBot) -> None:
    tick = panel.findChild(QCheckBox)
    assert tick is not None
    tick.click()
    qtbot.waitUntil(lambda: panel.result is not None and panel.result.request.cleans, timeout=_PATIENCE)
    result = panel.result
    assert result is not None
    assert result.noisy_bytes > result.picture_bytes
    assert "Denoising saves" in _words(panel)


def test_the_shown_file_is_saved(panel: LatentPanel, qtbot: QtBot, tmp_path: Path) -> None:
    assert panel.result is not None
    panel.save_to(tmp_path / "a.dlf")
    qtbot.waitUntil((tmp_path / "a.dlf").is_file, timeout=_PATIENCE)
    assert (tmp_path / "a.dlf").read_bytes() == panel.result.data
    assert container.read(tmp_path / "a.dlf").width == 96


def test_hiding_the_tab_restores_the_panes(panel: LatentPanel, controller: Controller, qtbot: QtBot) -> None:
    panel.hide()
    assert controller.viewer.replacements == (None, None)
    panel.show()
    _wait_for_result(panel, qtbot)


def test_another_photo_is_encoded_again(panel: LatentPanel, controller: Controller, qtbot: QtBot) -> None:
    before = panel.result
    controller.show_photo(controller.photos[1].key)
    qtbot.waitUntil(lambda: panel.result is not None and panel.result is not before, timeout=_PATIENCE)
    pyramid = controller.pyramid(controller.photos[1].key)
    assert panel.result is not None and pyramid is not None
    assert panel.result.request.image is pyramid.image


def test_without_a_codec_the_tab_says_so(opened: Open, qtbot: QtBot, tmp_path: Path) -> None:
    panel = LatentPanel(opened(), str(tmp_path / "none.safetensors"))
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: "not encoded" in _words(panel), timeout=_PATIENCE)
    assert not panel.save.isEnabled()
    panel.close()


def test_figures_of_other_settings_are_grey(panel: LatentPanel, controller: Controller, qtbot: QtBot) -> None:
    figures = list(panel._facts.values())
    assert panel.is_current and all(figure.isEnabled() for figure in figures)
    panel.set_quality(20)
    assert not panel.is_current and not any(figure.isEnabled() for figure in figures)
    _wait_for_result(panel, qtbot, quality=20)
    assert all(figure.isEnabled() for figure in figures)


def test_figures_are_in_the_panes_and_apart_for_picture_and_metadata(
    panel: LatentPanel, controller: Controller, qtbot: QtBot
) -> None:
    next(b for b in panel.findChildren(QPushButton) if b.text() == "JPEG").click()
    panel.set_quality(95)
    qtbot.waitUntil(
        lambda: panel.result is not None and panel.result.rival is not None and panel.is_current, timeout=_PATIENCE
    )
    result, (left, right) = panel.result, controller.viewer.replacements
    assert result is not None and left is not None and right is not None
    assert f"{result.psnr:.1f} dB" in right.label and f"{result.rival_psnr:.1f} dB" in left.label
    texts = {name: fact.text() for name, fact in panel._facts.items()}
    assert texts["picture"] == in_bytes(result.picture_bytes)
    assert texts["metadata"] == in_bytes(result.metadata_bytes)


def test_the_effort_has_a_time_and_is_used(panel: LatentPanel, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "for the photo" in panel._time.text(), timeout=_PATIENCE)
    panel._effort.setValue(3)
    assert "for the photo" in panel._time.text() and not panel.is_current
    qtbot.waitUntil(lambda: panel.result is not None and panel.result.request.effort == 3, timeout=_PATIENCE)


def test_ms_ssim_is_a_target(panel: LatentPanel, qtbot: QtBot) -> None:
    panel._denoises.click()
    panel._by_similarity.click()
    assert not panel._slider.isVisible() and panel._similarity.isVisible()
    assert not panel._denoises.isEnabled(), "it measures against the noisy photo"
    qtbot.waitUntil(lambda: "too small" in panel._state.text(), timeout=_PATIENCE)  # 72 pixels high
    panel._by_quality.click()
    assert panel._slider.isVisible() and panel._denoises.isEnabled()
    _wait_for_result(panel, qtbot, quality=DEFAULT_QUALITY)
