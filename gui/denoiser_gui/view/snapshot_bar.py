"""Snapshot A: settings to compare the current ones with, and the bar that shows what differs."""

from __future__ import annotations

import dataclasses
from typing import Any

from denoiser.options import DenoiseOptions
from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.qt import Signal
from denoiser_gui.translation import tr
from denoiser_gui.view.actions import Actions
from denoiser_gui.view.control_rows import choice_label, label_of
from denoiser_gui.view.widgets import STRETCH, ElidedLabel, button, row, styled, tool_button

_HEIGHT = 40
_SHARES = ("strength", "colour_noise", "detail", "grain")


class SnapshotBar(qt.QWidget):
    """Visible while snapshot A is compared: it is the left image, with the current settings, B, at the right."""

    compared = Signal(bool)

    def __init__(self, controller: Controller, actions: Actions) -> None:
        super().__init__()
        self._controller, self._actions = controller, actions
        self.snapshot: PhotoSettings | None = None
        styled(self, "bar")
        self.setFixedHeight(_HEIGHT)
        self.differences = ElidedLabel()
        self.differences.setAccessibleName(tr("Differences between A and B"))
        swap = button(tr("Swap"), "quiet", pressed=self.swap)
        swap.setToolTip(actions["swap_snapshot"].text())
        use = button(tr("Use A"), "quiet", pressed=self.apply)
        use.setToolTip(actions["apply_snapshot"].text())
        close = tool_button("close", tr("End the comparison"), lambda: self.compare(on=False))
        self.setLayout(row(self.differences, STRETCH, swap, use, close, margins=(20, 0, 12, 0)))
        controller.settings_changed.connect(lambda _: self._show())
        self._show()

    def take(self) -> None:
        """Keep the current settings as snapshot A and compare with it."""
        self.snapshot = self._controller.settings
        self.compare(on=True)

    def compare(self, *, on: bool) -> None:
        """Show snapshot A, or the source, as the left image."""
        on = on and self.snapshot is not None
        self._actions["compare_snapshot"].setChecked(on)
        self._show()

    def swap(self) -> None:
        """Make the current settings snapshot A, and those of A current."""
        if self.snapshot is not None:
            before, self.snapshot = self.snapshot, self._controller.settings
            self._change_to(before)
            self.compare(on=True)

    def apply(self) -> None:
        """Use the settings of snapshot A for the photo, and end the comparison."""
        if self.snapshot is not None:
            self._change_to(self.snapshot)
            self.compare(on=False)

    def _change_to(self, settings: PhotoSettings) -> None:
        if self._controller.current is not None:
            self._controller.set_settings([self._controller.current.key], settings)

    def _show(self) -> None:
        has_photo = self._controller.current is not None
        names = ("compare_snapshot", "swap_snapshot", "apply_snapshot")
        self._actions.enable(names, has_photo and self.snapshot is not None)
        self._actions.enable(("take_snapshot",), has_photo)
        is_compared = self._actions["compare_snapshot"].isChecked()
        self.setVisible(is_compared and has_photo)
        if self.snapshot is None:
            return
        settings = self._controller.settings
        shown = self.snapshot.over(settings)  # with the mask that it would have for this photo
        self.differences.set_text(differences(shown.denoise, settings.denoise))
        if is_compared:
            self._controller.viewer.set_snapshot(shown.denoise, shown.mask)
        else:
            self._controller.viewer.set_snapshot(None)


def differences(one: DenoiseOptions, other: DenoiseOptions) -> str:
    """The options that differ, with both values."""
    parts = []
    for field in dataclasses.fields(DenoiseOptions):
        before, after = getattr(one, field.name), getattr(other, field.name)
        if before != after:
            parts.append(f"{label_of(field.name)}: {_value(field.name, before)} | {_value(field.name, after)}")
    return f"A | B    {' · '.join(parts)}" if parts else tr("A and B are equal. Change a setting.")


def _value(name: str, value: Any) -> str:
    if value is None:
        return tr("Auto")
    if name in _SHARES:
        return f"{round(100 * value)} %"
    return choice_label(value) if isinstance(value, str) else f"{value:g}"
