"""The Denoise panel: options, histogram, facts about the photo, and the save buttons.

The histogram shows the denoised photo, with the original as a line.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from denoiser.models import catalog
from denoiser.options import DenoiseOptions, controls
from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model import captions
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.requests import Overview
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view.control_rows import ChoiceRow, LevelRow, choice_label, row_for
from denoiser_gui.view.histogram import Histogram
from denoiser_gui.view.icons import icon
from denoiser_gui.view.presets_row import PresetsRow
from denoiser_gui.view.widgets import STRETCH, button, column, label, row, scroll_area, separator

LOOK = ("noise_level", "strength", "colour_noise", "detail", "grain")  # always visible
PLACE = ("model", "device")
RARE = ("hot_pixels", "passes", "precision", "tile", "batch_size", "memory")  # collapsed


class DenoisePanel(qt.QWidget):
    """Shows and changes the options of the current photo."""

    model_file_requested = Signal()
    save_requested = Signal()
    batch_requested = Signal()

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.setProperty("role", "panel")
        defaults = {field.name: field.default for field in dataclasses.fields(DenoiseOptions)}
        self.rows = {
            name: row_for(name, control, defaults[name]) for name, control in controls(DenoiseOptions).items()
        }
        for option in self.rows.values():
            option.chosen.connect(self._choose)
        self.presets = PresetsRow(controller)
        self.histogram = Histogram()
        self._facts = label(role="second")
        self._facts.setWordWrap(True)
        self._facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.save = button(tr("Save"), "primary", pressed=self.save_requested.emit)
        self.to_batch = button(tr("Add to batch"), "quiet", pressed=self.batch_requested.emit)
        self._build()
        controller.settings_changed.connect(self._show_settings)
        controller.photo_loaded.connect(lambda _: self._show_facts())
        controller.current_changed.connect(self._show_current)
        controller.photo_changed.connect(self._show_changed)
        controller.viewer.status_changed.connect(lambda _: self._show_facts())  # the share that was kept
        controller.viewer.devices_found.connect(self._take_devices)
        controller.viewer.overview_ready.connect(self._show_overview)
        controller.files.submit("models", lambda _: catalog.entries(), self._take_models)
        self._show_settings(controller.settings)
        self._show_current(controller.current)

    @property
    def level(self) -> LevelRow:
        """The row of the noise level."""
        found = self.rows["noise_level"]
        assert isinstance(found, LevelRow)
        return found

    # --- building -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        inner = qt.QWidget()
        content = column(
            *(self.rows[name] for name in LOOK),
            separator(),
            self._places(),
            separator(),
            label(tr("Histogram"), "heading"),
            self.histogram,
            separator(),
            label(tr("Photo"), "heading"),
            self._facts,
            STRETCH,
            margins=(20, 8, 20, 4),
            spacing=4,
        )
        inner.setLayout(content)
        scroll = scroll_area(inner)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.below_save = row(STRETCH, self.to_batch, STRETCH)
        self.setLayout(column(scroll, column(self.save, self.below_save, margins=(20, 8, 20, 8), spacing=2)))

    def _places(self) -> qt.QVBoxLayout:
        """Model, device and presets, and the rare options below a button."""
        inside = qt.QWidget()
        inside.setLayout(column(*(self.rows[name] for name in RARE)))
        inside.hide()
        self.more = more = button(tr("More"), "quiet", "down")
        more.setCheckable(True)
        more.setAccessibleDescription(tr("Show advanced options."))
        more.toggled.connect(inside.setVisible)
        more.toggled.connect(lambda on: more.setIcon(icon("up" if on else "down", "second")))
        return column(*(self.rows[name] for name in PLACE), self.presets, row(STRETCH, more), inside)

    # --- display --------------------------------------------------------------------------------------------------

    def show_batch_count(self, count: int) -> None:
        """Show how many photos the button adds."""
        self.to_batch.setText(tr("Add to batch ({count})", count=count) if count > 1 else tr("Add to batch"))
        self.to_batch.setEnabled(count > 0)

    def _show_settings(self, settings: PhotoSettings) -> None:
        for name, option in self.rows.items():
            option.show_value(getattr(settings.denoise, name))
        self._show_facts()

    def _show_changed(self, photo: OpenPhoto) -> None:
        if self._controller.current is not None and self._controller.current.key == photo.key:
            self.level.show_estimate(photo.sigma)
            self._show_facts()

    def _show_current(self, photo: OpenPhoto | None) -> None:
        for widget in (*self.rows.values(), self.presets):
            widget.setEnabled(photo is not None)
        self.level.show_estimate(photo.sigma if photo is not None else None)
        if self._controller.current_pyramid is None:
            self.histogram.show_counts(None)
        if photo is None:
            self.show_batch_count(0)
        self._show_facts()

    def _show_facts(self) -> None:
        photo, pyramid = self._controller.current, self._controller.current_pyramid
        if photo is None or pyramid is None:
            self._facts.setText("")
            return
        status = self._controller.viewer.status
        is_denoised = status.photo == photo.key and self._controller.settings.denoise.strength > 0
        lines = [
            captions.camera_line(pyramid),
            captions.lens_line(pyramid),
            captions.file_line(pyramid),
            captions.noise_line(photo.noise),
            captions.kept_line(status.kept_share if is_denoised else None),
        ]
        self._facts.setText("\n".join(line for line in [*lines, *pyramid.image.notes] if line))

    def _show_overview(self, overview: Overview) -> None:
        if overview.request.pyramid is self._controller.viewer.pyramid:
            self.histogram.show_counts(overview)

    def _take_models(self, entries: list[Any]) -> None:
        models_row = self.rows["model"]
        assert isinstance(models_row, ChoiceRow)
        names = [entry.name for entry in entries if entry.card.task == "denoiser"]
        known = [(choice_label("auto"), "auto"), *((name.removeprefix("denoiser-"), name) for name in names)]
        models_row.set_choices([*known, (tr("From a file…"), None)])
        models_row.show_value(self._controller.settings.denoise.model)

    def _take_devices(self, names: tuple[str, ...]) -> None:
        """Offer only devices that this machine has."""
        devices_row = self.rows["device"]
        assert isinstance(devices_row, ChoiceRow)
        devices_row.set_choices([(choice_label(name), name) for name in names])
        devices_row.show_value(self._controller.settings.denoise.device)

    def _choose(self, name: str, value: Any) -> None:
        if name == "model" and value is None:
            self.rows[name].show_value(self._controller.settings.denoise.model)
            self.model_file_requested.emit()
            return
        self._controller.change(**{name: value})
