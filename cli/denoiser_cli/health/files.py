"""Installed weights, verified against their cards, and folders that are written to, with their free space."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from denoiser.batch.presets import presets_folder
from denoiser.errors import DenoiserError
from denoiser.models import catalog
from denoiser.models.catalog import CatalogEntry
from denoiser_cli.health.page import Section

_AGAIN = "Reinstall: `pip install --force-reinstall denoiser-studio`."
_LITTLE = 1.0  # GB, about 100 photos


def examine_weights() -> Section:
    """Return a fact per weights file; cleaning needs the default model."""
    section = Section()
    entries, bad = catalog.survey()
    faults = {entry.name: _fault(entry) for entry in entries}
    faults |= {one.name: f"has no readable card ({one.error.message})" for one in bad}
    cards = {entry.name: entry.card for entry in entries}
    for name, fault in faults.items():
        if fault:
            section.fact(name, False, fault)
            section.remark(f"Weights {name}: {fault}.", _AGAIN)
        else:
            card = cards[name]
            words = f"verified, sha256 {card.sha256[:12]}…, {card.parameters / 1e6:.1f} M parameters"
            section.fact(name, True, words)
    try:
        automatic = catalog.find("auto", "cpu").name
    except DenoiserError as error:
        section.remark(error.message, _AGAIN, stops_cleaning=True)
    else:
        if faults.get(automatic, "missing"):
            section.remark(f"{automatic}, the default model, cannot be used.", _AGAIN, stops_cleaning=True)
    return section


def _fault(entry: CatalogEntry) -> str:
    """Return why these weights cannot be used, or an empty string."""
    try:
        catalog.verify(entry)
    except DenoiserError:
        return "modified or truncated: its checksum does not match its card"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return ""


def examine_places(out: str) -> Section:
    """Check the output folder (*out*, or the current one), the temporary folder, presets and cache."""
    section = Section()
    _check_folder(section, "outputs", Path(out or "."), wanted=bool(out))
    try:
        _check_folder(section, "temporary_files", Path(tempfile.gettempdir()))
    except OSError:
        section.remark("No folder for temporary files found.", "Set TMPDIR to a writable folder.")
    presets = presets_folder()
    section.fact("presets", str(presets), f"{presets}{'' if presets.is_dir() else ' (not created yet)'}")
    return section


def _check_folder(section: Section, name: str, place: Path, *, wanted: bool = False) -> None:
    there = _existing(place)
    shown = f"{place}" if there == place.absolute() else f"{place} (will be created in {there})"
    fault = _why_unwritable(there)
    if fault:
        section.fact(name, False, f"{shown}: {fault}")
        remedy = "Choose another folder, or change its permissions."
        section.remark(f"{place}: {fault}.", remedy, stops_cleaning=wanted)
        return
    free = shutil.disk_usage(there).free / 1e9
    section.fact(name, True, f"{shown}: writable, {free:.1f} GB free")
    if free < _LITTLE:
        section.remark(f"{place}: only {free:.1f} GB are free.", "Free some space.")


def _existing(place: Path) -> Path:
    """Return the folder itself, or the nearest one above that exists."""
    return next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())


def _why_unwritable(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        return f"not writable ({error.strerror or error})"
    return ""
