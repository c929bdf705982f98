from __future__ import annotations

from pytestqt.qtbot import QtBot

from denoiser_gui.view.widgets import ElidedLabel


def test_long_text_is_elided_and_in_the_tooltip(qtbot: QtBot) -> None:
    label = ElidedLabel("word " * 40)
    qtbot.addWidget(label)
    assert label.minimumSizeHint().width() <= 48 < label.sizeHint().width()
    assert label.toolTip() == label.text()
    label.resize(120, 20)
    narrow = label.grab().toImage()
    label.resize(label.sizeHint().width(), 20)
    assert label.grab().toImage().copy(0, 0, 120, 20) != narrow, "nothing was cut"
    label.say("short")
    assert (label.text(), label.toolTip()) == ("short", "short")
