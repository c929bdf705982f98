from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from denoiser_gui.model.notices import Notice, Severity
from denoiser_gui.qt import QApplication, QPushButton, QToolButton, QVBoxLayout, QWidget
from denoiser_gui.view import theme
from denoiser_gui.view.bars import MOST, Banner


@pytest.fixture
def banner(qapp: QApplication, qtbot: QtBot) -> Iterator[Banner]:
    theme.install(qapp, "dark", "none")
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    banner = Banner()
    layout.addWidget(banner)
    layout.addStretch()
    window.resize(900, 300)
    window.show()
    yield banner
    window.close()


def test_it_is_visible_only_with_notices(banner: Banner) -> None:
    assert banner.isHidden()
    banner.show_notice(Notice("a", "The disk is full.", "Free some space.", Severity.ERROR))
    assert banner.isVisible() and banner.height() > 20
    banner.solve("something else")
    assert banner.isVisible()
    banner.solve("a")
    assert banner.isHidden() and banner.keys == []


def test_the_action_runs_and_removes_the_notice(banner: Banner) -> None:
    acted: list[int] = []
    banner.show_notice(Notice("a", "It failed.", action="Try again", act=lambda: acted.append(1)))
    button = banner.findChild(QPushButton)
    assert button is not None and button.text() == "Try again"
    button.click()
    assert acted == [1] and banner.isHidden()


def test_an_action_may_show_the_next_notice(banner: Banner) -> None:
    again = Notice("a", "It failed again.")
    banner.show_notice(Notice("a", "It failed.", action="Try again", act=lambda: banner.show_notice(again)))
    banner.findChild(QPushButton).click()  # type: ignore[union-attr]
    assert banner.keys == ["a"] and banner.isVisible()


def test_it_can_be_dismissed(banner: Banner) -> None:
    banner.show_notice(Notice("a", "So it is."))
    button = banner.findChild(QToolButton)
    assert button is not None and button.accessibleName() == "Dismiss"
    button.click()
    assert banner.keys == []


def test_notices_are_replaced_by_key_and_limited(banner: Banner) -> None:
    for number in range(3):
        banner.show_notice(Notice("same", f"{number}"))
    assert banner.keys == ["same"]
    for number in range(MOST + 2):
        banner.show_notice(Notice(f"key {number}", "x"))
    assert banner.keys == [f"key {number}" for number in range(2, MOST + 2)]


def test_a_long_notice_is_elided(banner: Banner) -> None:
    banner.show_notice(Notice("a", "word " * 400, "hint " * 400, Severity.ERROR, "Try again"))
    assert banner.window().width() == 900
    assert banner.window().minimumSizeHint().width() < 900
