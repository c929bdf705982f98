from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from denoiser_gui.model.notices import Notice, Severity
from denoiser_gui.qt import QApplication, QLabel, QPushButton, QToolButton, QWidget
from denoiser_gui.view import theme
from denoiser_gui.view.toasts import MOST, Toasts


@pytest.fixture
def toasts(qapp: QApplication, qtbot: QtBot) -> Iterator[Toasts]:
    theme.install(qapp, "dark", "none")
    window = QWidget()
    qtbot.addWidget(window)
    toasts = Toasts(window)
    window.resize(900, 400)
    window.show()
    yield toasts
    window.close()


def test_it_is_visible_only_with_notices(toasts: Toasts) -> None:
    assert toasts.isHidden()
    toasts.show_notice(Notice("a", "The disk is full.", "Free some space.", Severity.ERROR))
    assert toasts.isVisible() and toasts.height() > 20
    toasts.solve("something else")
    assert toasts.isVisible()
    toasts.solve("a")
    assert toasts.isHidden() and toasts.keys == []


def test_the_action_runs_and_removes_the_notice(toasts: Toasts) -> None:
    acted: list[int] = []
    toasts.show_notice(Notice("a", "It failed.", action="Try again", act=lambda: acted.append(1)))
    button = toasts.findChild(QPushButton)
    assert button is not None and button.text() == "Try again"
    button.click()
    assert acted == [1] and toasts.isHidden()


def test_an_action_may_show_the_next_notice(toasts: Toasts) -> None:
    again = Notice("a", "It failed again.")
    toasts.show_notice(Notice("a", "It failed.", action="Try again", act=lambda: toasts.show_notice(again)))
    toasts.findChild(QPushButton).click()  # type: ignore[union-attr]
    assert toasts.keys == ["a"] and toasts.isVisible()


def test_it_can_be_dismissed(toasts: Toasts) -> None:
    toasts.show_notice(Notice("a", "So it is."))
    button = toasts.findChild(QToolButton)
    assert button is not None and button.accessibleName() == "Dismiss"
    button.click()
    assert toasts.keys == []


def test_notices_are_replaced_by_key_and_limited(toasts: Toasts) -> None:
    for number in range(3):
        toasts.show_notice(Notice("same", f"{number}"))
    assert toasts.keys == ["same"]
    for number in range(MOST + 2):
        toasts.show_notice(Notice(f"key {number}", "x"))
    assert toasts.keys == [f"key {number}" for number in range(2, MOST + 2)]


def _labels(toasts: Toasts) -> list[QLabel]:
    return [label for label in toasts.findChildren(QLabel) if label.text()]


def test_a_long_notice_is_complete_within_the_window(toasts: Toasts) -> None:
    toasts.show_notice(Notice("a", f"/photos/{'x' * 400}.jpg", "hint " * 40, Severity.ERROR, "Try again"))
    assert toasts.window().width() == 900 and toasts.width() < 900
    text = _labels(toasts)[0]
    assert text.text().replace("\u200b", "") == f"/photos/{'x' * 400}.jpg"
    assert text.height() >= text.heightForWidth(text.width()) > 3 * text.fontMetrics().height()
    toasts.window().resize(500, 400)
    assert toasts.x() >= 0 and toasts.geometry().right() < 500 and toasts.geometry().bottom() < 400


def test_only_information_disappears_after_the_time_to_read_it(toasts: Toasts) -> None:
    toasts.show_notice(Notice("error", "It failed.", severity=Severity.ERROR))
    toasts.show_notice(Notice("question", "Really?", severity=Severity.QUESTION))
    toasts.show_notice(Notice("short", "Saved."))
    toasts.pass_time(4900)
    toasts.show_notice(Notice("short", "Saved again."))
    toasts.pass_time(4900)
    assert "short" in toasts.keys
    toasts.pass_time(300)
    assert toasts.keys == ["error", "question"]
    toasts.show_notice(Notice("long", "word " * 40))
    toasts.pass_time(9000)
    assert "long" in toasts.keys


def test_time_passes_only_while_notices_are_visible(toasts: Toasts) -> None:
    assert not toasts._tick.isActive()
    toasts.show_notice(Notice("short", "Saved."))
    assert toasts._tick.isActive()
    toasts.solve("short")
    assert not toasts._tick.isActive()
