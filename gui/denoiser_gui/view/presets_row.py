"""The presets in the panel: named settings in the files that `denoise --preset` reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from denoiser.batch.presets import load_preset, preset_names, save_preset
from denoiser.errors import DenoiserError
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice, failure
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.preset_files import delete_preset, rename_preset
from denoiser_gui.qt import QInputDialog, QWidget
from denoiser_gui.translation import tr
from denoiser_gui.view.dialogs import QuestionDialog
from denoiser_gui.view.widgets import STRETCH, label, plain_combo, row

_SAVE = "\0save"
_USE_FIRST = "\0use"  # use the chosen preset for new photos
_RENAME, _DELETE = "\0rename", "\0delete"  # the chosen preset


class PresetsRow(QWidget):
    """Lists, applies, saves, renames and deletes presets."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._applied = ("", PhotoSettings())  # name and settings
        self._names: list[str] = []
        self.box = plain_combo(tr("Preset"))
        self.box.activated.connect(self._choose)
        self.setLayout(row(label(tr("Preset"), "second"), STRETCH, self.box))
        self._fill()
        controller.settings_changed.connect(self._show_current)
        self.refresh()

    def refresh(self) -> None:
        """Reload the names of the presets."""

        def show(names: list[str]) -> None:
            self._names = names
            self._fill()

        self._controller.files.submit("presets", lambda _: preset_names(), show)

    def ask_for_name(self) -> None:
        """Ask for a name and save the settings under it."""
        self._ask(tr("Save preset"), self._applied[0], self.save_unless_it_exists)

    def save_unless_it_exists(self, name: str) -> None:
        """Save the settings under a name; ask before an existing preset is replaced."""
        if name not in self._names:
            self.save_as(name)
            return
        texts = tr("Replace the preset {name}?", name=name), tr("Its settings are lost.")
        self._confirm(texts, tr("Replace"), lambda: self.save_as(name))

    def rename(self, old: str, new: str) -> None:
        """Give a preset another name, unless another preset has it."""
        if new in self._names:
            self._controller.notify(Notice("preset", tr("The preset {name} already exists.", name=new)))
            return
        self._change_file("rename-preset", lambda: rename_preset(old, new), old, new)

    def delete(self, name: str) -> None:
        """Delete a preset; photos keep their settings."""
        self._change_file("delete-preset", lambda: delete_preset(name), name, "")

    def save_as(self, name: str) -> None:
        """Save the settings of the current photo as a preset."""
        settings = self._controller.settings

        def saved(_: object) -> None:
            self._applied = (name, settings)
            self._controller.notify(Notice("preset", tr("Preset {name} saved.", name=name)))
            self.refresh()

        values, failed = settings.by_class(), self._controller.notice_of("preset")
        self._controller.files.submit("save-preset", lambda _: save_preset(name, values), saved, failed)

    def apply(self, name: str) -> None:
        """Apply a preset; options it does not contain stay."""

        def change(values: dict[str, Any]) -> None:
            try:
                self._controller.change(**values)
            except DenoiserError as error:
                show_failure(error)
                return
            self._applied = (name, self._controller.settings)
            self._controller.solved.emit("preset")
            self._fill()

        def show_failure(error: DenoiserError) -> None:
            self._controller.notify(failure("preset", error))
            self._fill()

        self._controller.files.submit("load-preset", lambda _: load_preset(name), change, show_failure)

    def _fill(self) -> None:
        self.box.clear()
        self.box.addItem(tr("None"), "")
        for name in self._names:
            self.box.addItem(name, name)
        self.box.insertSeparator(self.box.count())
        self.box.addItem(tr("Save preset…"), _SAVE)
        first = self._controller.preferences.preset
        name = self._applied[0]
        if name:
            self.box.addItem(tr("Rename {name}…", name=name), _RENAME)
            self.box.addItem(tr("Delete {name}…", name=name), _DELETE)
        if name and name != first:
            self.box.addItem(tr("Use {name} for new photos", name=name), _USE_FIRST)
        elif first:
            self.box.addItem(tr("Do not use {name} for new photos", name=first), _USE_FIRST)
        self._show_current(self._controller.settings)

    def _show_current(self, settings: PhotoSettings) -> None:
        name, applied = self._applied
        self.box.setCurrentIndex(max(0, self.box.findData(name if settings == applied else "")))

    def _choose(self, at: int) -> None:
        chosen = self.box.itemData(at)
        self._show_current(self._controller.settings)
        if chosen == _SAVE:
            self.ask_for_name()
        elif chosen == _USE_FIRST:
            name = self._applied[0]
            self._controller.remember(preset="" if name == self._controller.preferences.preset else name)
            self._fill()
        elif chosen == _RENAME:
            name = self._applied[0]
            self._ask(tr("Rename preset"), name, lambda new: self.rename(name, new) if new != name else None)
        elif chosen == _DELETE:
            name = self._applied[0]
            texts = tr("Delete the preset {name}?", name=name), tr("Photos keep their settings.")
            self._confirm(texts, tr("Delete"), lambda: self.delete(name))
        elif chosen:
            self.apply(chosen)

    def _change_file(self, kind: str, change: Callable[[], None], old: str, new: str) -> None:
        """Rename or delete a file, then show the names."""

        def changed(_: object) -> None:
            if self._applied[0] == old:
                self._applied = (new, self._applied[1])
            if self._controller.preferences.preset == old:
                self._controller.remember(preset=new)
            self.refresh()

        self._controller.files.submit(kind, lambda _: change(), changed, self._controller.notice_of("preset"))

    def _ask(self, title: str, name: str, done: Callable[[str], object]) -> None:
        dialog = QInputDialog(self)
        dialog.setWindowTitle(title)
        dialog.setLabelText(tr("Preset name"))
        dialog.setTextValue(name)
        dialog.textValueSelected.connect(lambda text: done(text.strip()) if text.strip() else None)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _confirm(self, texts: tuple[str, str], act: str, done: Callable[[], object]) -> None:
        dialog = QuestionDialog(self, tr("Presets"), texts, act, tr("Cancel"))
        dialog.accepted.connect(done)
        dialog.open()
