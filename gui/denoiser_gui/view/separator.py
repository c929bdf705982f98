"""A thin line between parts of a panel."""

from __future__ import annotations

from denoiser_gui.qt import QFrame, QWidget


def separator(parent: QWidget | None = None) -> QFrame:
    """A horizontal line, one pixel high."""
    line = QFrame(parent)
    line.setProperty("role", "rule")
    line.setFixedHeight(1)
    return line
