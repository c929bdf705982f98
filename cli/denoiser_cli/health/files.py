"""Installed weights, verified against their cards, and folders that are written to, with their free space."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from denoiser import models
from denoiser.batch.presets import presets_folder
from denoiser.errors import DenoiserError, MissingModel
from denoiser.models import CatalogEntry
from denoiser_cli.health.page import Fact, Remark, Section

_AGAIN = "Reinstall: `pip install --force-reinstall denoiser-studio`."


def examine_weights() -> Section:
    """Return a fact per weights file; cleaning needs at least one valid file."""
    entries, bad = models.survey()
    facts = [_compared(entry) for entry in entries]
    facts += [Fact(one.name, False, f"has no readable card ({one.error.message})") for one in bad]
    remarks = [Remark(f"Weights {fact.name}: {fact.words}.", _AGAIN) for fact in facts if not fact.value]
    trusted = {fact.name for fact in facts if fact.value}
    try:
        automatic = models.find("auto", "cpu").name
    except (MissingModel, DenoiserError) as error:
        remarks.append(Remark(error.message, _AGAIN, stops_cleaning=True))
    else:
        if automatic not in trusted:
            text = f"{automatic}, the default model, cannot be used."
            remarks.append(Remark(text, _AGAIN, stops_cleaning=True))
    return Section(facts, remarks)


def _compared(entry: CatalogEntry) -> Fact:
    try:
        models.verify(entry)
    except DenoiserError:
        return Fact(entry.name, False, "modified or truncated: its checksum does not match its card")
    except OSError as error:
        return Fact(entry.name, False, f"cannot be read ({error.strerror})")
    card = entry.card
    return Fact(entry.name, True, f"verified, sha256 {card.sha256[:12]}…, {card.parameters / 1e6:.1f} M parameters")


_LITTLE = 1.0  # GB, about 100 photos


def examine_places(out: str) -> Section:
    """Check the output folder (*out*, or the current one), the temporary folder, presets and cache."""
    facts, remarks = [], []
    for name, place, wanted in (
        ("outputs", Path(out or "."), bool(out)),
        ("temporary_files", _temporary(), False),
    ):
        if place is None:
            remarks.append(Remark("No folder for temporary files found.", "Set TMPDIR to a writable folder."))
            continue
        fact, remark = _writable(name, place)
        facts.append(fact)
        if remark:
            stops = wanted and not fact.value
            remarks.append(Remark(remark.text, remark.remedy, stops_cleaning=stops))
    presets = presets_folder()
    facts.append(Fact("presets", str(presets), f"{presets}{'' if presets.is_dir() else ' (not created yet)'}"))
    cache, complaint = _cache()
    facts.append(cache)
    return Section(facts, [*remarks, complaint] if complaint else remarks)


def _writable(name: str, place: Path) -> tuple[Fact, Remark | None]:
    there = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())
    shown = f"{place}" if there == place.absolute() else f"{place} (will be created in {there})"
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(1 << 16))
        free = shutil.disk_usage(there).free / 1e9
    except OSError as error:
        why = error.strerror or str(error)
        return (
            Fact(name, False, f"{shown}: not writable ({why})"),
            Remark(f"{place}: not writable ({why}).", "Choose another folder, or change its permissions."),
        )
    little = free < _LITTLE
    remark = Remark(f"{place}: only {free:.1f} GB are free.", "Free some space.") if little else None
    return Fact(name, True, f"{shown}: writable, {free:.1f} GB free"), remark


def _temporary() -> Path | None:
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return None


def _cache() -> tuple[Fact, Remark | None]:
    """Check the cache folder and its file."""
    try:
        from denoiser.engine.device import CACHE_VARIABLE, cache_folder
    except (ImportError, OSError):  # torch, which the remark of another part is about
        return Fact("cache", None, "not checked: torch cannot be loaded"), None
    folder = cache_folder()
    remedy = f"Measurements are repeated at each start. Set {CACHE_VARIABLE} to use another folder."
    _, unwritable = _writable("cache", folder)
    if unwritable:
        return Fact("cache", str(folder)), Remark(f"Cache {unwritable.text}", remedy)
    try:
        kept = json.loads((folder / "precision.json").read_text(encoding="utf-8"))
        if not isinstance(kept, dict):
            raise ValueError("not a table")
    except FileNotFoundError:
        return Fact("cache", str(folder), f"{folder} (empty)"), None
    except (OSError, ValueError) as error:
        text = f"Cache {folder / 'precision.json'}: cannot be read ({error})."
        return Fact("cache", str(folder)), Remark(text, "Delete the file; it will be created again.")
    return Fact("cache", str(folder), f"{folder} ({len(kept)} entries)"), None
