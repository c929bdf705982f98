from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from denoiser.batch.presets import load_preset, preset_names, save_preset
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.qt import QInputDialog
from denoiser_gui.view.dialogs import QuestionDialog
from denoiser_gui.view.presets_row import PresetsRow


@pytest.fixture
def row(controller: Controller, qtbot: QtBot) -> Iterator[PresetsRow]:
    for name, detail in (("Concert", 0.3), ("Sky", 0.1)):
        save_preset(name, PhotoSettings().changed(detail=detail).by_class())
    row = PresetsRow(controller)
    qtbot.addWidget(row)
    row.show()
    qtbot.waitUntil(lambda: row.box.findData("Sky") >= 0)
    yield row
    row.close()


def _choose(row: PresetsRow, start: str) -> None:
    at = next(at for at in range(row.box.count()) if row.box.itemText(at).startswith(start))
    row.box.activated.emit(at)


def _apply(row: PresetsRow, controller: Controller, qtbot: QtBot, name: str) -> None:
    row.apply(name)
    qtbot.waitUntil(lambda: row.box.findText(f"Rename {name}…") >= 0)


def test_a_preset_is_not_replaced_without_asking(row: PresetsRow, controller: Controller, qtbot: QtBot) -> None:
    controller.change(detail=0.9)
    row.save_unless_it_exists("Sky")
    question = row.findChild(QuestionDialog)
    assert question is not None
    question.keep.click()
    qtbot.waitUntil(controller.files.is_idle)
    assert load_preset("Sky") == {"detail": 0.1}
    row.save_unless_it_exists("Sky")
    row.findChildren(QuestionDialog)[-1].act.click()
    qtbot.waitUntil(lambda: load_preset("Sky") == {"detail": 0.9})
    row.save_unless_it_exists("New")
    qtbot.waitUntil(lambda: "New" in preset_names())


def test_the_chosen_preset_is_renamed(row: PresetsRow, controller: Controller, qtbot: QtBot) -> None:
    controller.remember(preset="Sky")
    _apply(row, controller, qtbot, "Sky")
    _choose(row, "Rename Sky")
    dialog = row.findChild(QInputDialog)
    assert dialog is not None and dialog.textValue() == "Sky"
    dialog.setTextValue("Clouds")
    dialog.accept()
    qtbot.waitUntil(lambda: row.box.currentData() == "Clouds")
    assert preset_names() == ["Clouds", "Concert"] and controller.preferences.preset == "Clouds"
    notices: list[Notice] = []
    controller.notice.connect(notices.append)
    row.rename("Clouds", "Concert")
    assert [notice.key for notice in notices] == ["preset"] and preset_names() == ["Clouds", "Concert"]


def test_the_chosen_preset_is_deleted_after_a_question(
    row: PresetsRow, controller: Controller, qtbot: QtBot
) -> None:
    _apply(row, controller, qtbot, "Sky")
    _choose(row, "Delete Sky")
    question = row.findChild(QuestionDialog)
    assert question is not None and preset_names() == ["Concert", "Sky"]
    question.act.click()
    qtbot.waitUntil(lambda: row.box.findData("Sky") < 0)
    assert preset_names() == ["Concert"] and controller.settings.denoise.detail == 0.1
