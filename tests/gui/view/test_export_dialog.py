from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser.options import WriteOptions
from denoiser_gui.controller import Controller
from denoiser_gui.model.export_rules import ExportRules
from denoiser_gui.view.export_dialog import ExportDialog, as_preferences

_PATIENCE = 60_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    imageio.write(from_numpy(np.zeros((20, 30, 3), np.uint8)), path)
    return path


@pytest.fixture
def dialog(controller: Controller, source: Path, qtbot: QtBot) -> ExportDialog:
    made = ExportDialog(controller, source.parent / "out", source, 3)
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_example_follows_place_name_and_format(dialog: ExportDialog, source: Path, qtbot: QtBot) -> None:
    def shows(path: Path) -> None:
        qtbot.waitUntil(lambda: dialog.example.text() == str(path), timeout=_PATIENCE)

    shows(source.parent / "out" / "a.png")
    dialog.template.setText("{folder}-{number}")
    shows(source.parent / "out" / "in-0001.png")
    dialog.place.setCurrentIndex(dialog.place.findData("subfolder"))
    dialog.subfolder.setText("web")
    dialog.own.setChecked(False)
    dialog.fields.format.setCurrentIndex(dialog.fields.format.findData("avif"))
    shows(source.parent / "web" / "in-0001.avif")


def test_rules_that_cannot_work_are_explained_and_not_applied(dialog: ExportDialog, qtbot: QtBot) -> None:
    dialog.place.setCurrentIndex(dialog.place.findData("beside"))
    qtbot.waitUntil(lambda: "name of the photo itself" in dialog.example.text(), timeout=_PATIENCE)
    assert not dialog.apply.isEnabled()
    dialog.template.setText("{name}-clean")
    qtbot.waitUntil(dialog.apply.isEnabled, timeout=_PATIENCE)


def test_fields_of_names_are_inserted_from_the_menu(dialog: ExportDialog) -> None:
    dialog.template.setText("x-")
    menu = dialog._insert.menu()
    assert menu is not None
    next(act for act in menu.actions() if "{camera}" in act.text()).trigger()
    assert dialog.template.text() == "x-{camera}"


def test_a_size_is_typed_in_pixels_or_percent(dialog: ExportDialog, qtbot: QtBot) -> None:
    dialog.own.setChecked(False)
    size = dialog.fields.size
    size.kind.setCurrentIndex(1)
    size.number.selectAll()
    qtbot.keyClicks(size.number, "1200")
    assert dialog.fields.options.size == "1200"
    size.kind.setCurrentIndex(2)
    assert dialog.fields.options.size == "50%"
    size.number.selectAll()
    qtbot.keyClicks(size.number, "12.5")
    assert dialog.fields.options.size == "12.5%"
    size.kind.setCurrentIndex(0)
    assert dialog.fields.options.size == ""


def test_the_choices_are_emitted_and_kept(dialog: ExportDialog, controller: Controller, qtbot: QtBot) -> None:
    dialog.place.setCurrentIndex(dialog.place.findData("folder"))
    dialog.own.setChecked(False)
    dialog.fields.format.setCurrentIndex(dialog.fields.format.findData("jpeg"))
    dialog.fields.size.kind.setCurrentIndex(1)
    with qtbot.waitSignal(dialog.chosen) as chosen:
        dialog.accept()
    rules, _, options = chosen.args
    assert rules == ExportRules("folder") and options == WriteOptions("jpeg", size="2048")
    controller.remember(**as_preferences(rules, options))
    assert controller.preferences.rules == rules and controller.preferences.export_options == options
    controller.remember(**as_preferences(rules, None))
    assert controller.preferences.export_options is None
