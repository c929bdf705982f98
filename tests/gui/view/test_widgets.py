from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from denoiser_gui.qt import QApplication, QPoint, QRect, Qt, QWidget
from denoiser_gui.view import theme
from denoiser_gui.view.widgets import Dropdown, ElidedLabel, NumberBox, ValueSlider


def test_long_text_is_elided_and_in_the_tooltip(qtbot: QtBot) -> None:
    label = ElidedLabel("word " * 40)
    qtbot.addWidget(label)
    assert label.minimumSizeHint().width() <= 48 < label.sizeHint().width()
    assert label.toolTip() == label.text()
    label.resize(120, 20)
    narrow = label.grab().toImage()
    label.resize(label.sizeHint().width(), 20)
    assert label.grab().toImage().copy(0, 0, 120, 20) != narrow, "nothing was cut"
    label.set_text("short")
    assert (label.text(), label.toolTip()) == ("short", "short")


@pytest.mark.parametrize(
    ("typed", "amount"), [("12", 12.0), ("12.5", 12.5), ("12,5", 12.5), ("0", 0.0), ("auto", None), ("", None)]
)
def test_numbers_and_automatic_can_be_typed(qtbot: QtBot, typed: str, amount: float | None) -> None:
    box = NumberBox(0.0, 75.0, decimals=1, automatic=True)
    qtbot.addWidget(box)
    box.set_amount(40.0, 23.6)
    entered: list[float | None] = []
    box.entered.connect(entered.append)
    box.selectAll()
    qtbot.keyClick(box, Qt.Key.Key_Backspace)
    qtbot.keyClicks(box, typed)
    assert entered == [], "a number that is being typed is not a value yet"
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert entered == [amount] and box.amount == amount


def test_escape_discards_what_was_typed(qtbot: QtBot) -> None:
    box = NumberBox(0.0, 100.0, unit=" %")
    qtbot.addWidget(box)
    box.set_amount(40.0)
    box.selectAll()
    qtbot.keyClicks(box, "70")
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert box.amount == 40.0 and box.text() == "40 %"


def test_automatic_shows_the_estimate(qtbot: QtBot) -> None:
    box = NumberBox(0.0, 75.0, decimals=1, automatic=True)
    qtbot.addWidget(box)
    box.set_amount(None, 23.64)
    assert (box.text(), box.amount) == ("Auto 23.6", None)
    box.set_amount(0.0, 23.64)
    assert (box.text(), box.amount) == ("0.0", 0.0)


def test_a_click_moves_the_slider_there_and_a_double_click_resets(qtbot: QtBot) -> None:
    slider = ValueSlider(0.0, 75.0, bend=0.6)
    qtbot.addWidget(slider)
    slider.resize(212, 20)
    moved: list[float] = []
    slider.moved.connect(moved.append)
    slider.set_amount(10.0)
    assert moved == [] and slider.amount == pytest.approx(10.0, abs=0.1)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(210, 10))
    assert moved == [75.0]
    with qtbot.waitSignal(slider.reset):
        qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(50, 10))


@pytest.mark.parametrize("rows", [2, 5, 14])
def test_a_list_shows_complete_rows_within_the_window(qapp: QApplication, qtbot: QtBot, rows: int) -> None:
    theme.install(qapp, "dark", "none")
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(500, 620)
    box = Dropdown()
    box.setProperty("role", "plain")
    for number in range(rows):
        box.addItem(f"A choice with a long description in words, number {number}", number)
    box.setParent(window)
    box.setGeometry(360, 300, 130, 28)
    window.show()
    box.showPopup()
    view, popup = box.view(), box.view().window()
    shown = min(rows, box.maxVisibleItems()) - 1
    last = view.visualRect(view.model().index(shown, 0))
    assert view.visualRect(view.model().index(0, 0)).top() >= 0
    assert last.bottom() <= view.viewport().height(), "the last row is complete"
    edges = QRect(window.mapToGlobal(QPoint(0, 0)), window.size())
    assert edges.contains(popup.geometry()), (edges, popup.geometry())
    box.hidePopup()
