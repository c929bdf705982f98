"""Where files go: whether each place can be written to and how much room it has."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from denoiser.batch.presets import presets_folder
from denoiser_cli.health.finding import Fact, Remark, Section

_LITTLE = 1.0  # GB: some hundred photos


def examine(out: str) -> Section:
    """The folder for outputs (*out*, or the current one), the temporary folder, presets and cache."""
    facts, remarks = [], []
    for name, place, wanted in (
        ("outputs", Path(out or "."), bool(out)),
        ("temporary_files", _temporary(), False),
    ):
        if place is None:
            remarks.append(Remark("There is no folder for temporary files.", "Set TMPDIR to one."))
            continue
        fact, remark = _writable(name, place)
        facts.append(fact)
        if remark:
            stops = wanted and not fact.value
            remarks.append(Remark(remark.text, remark.remedy, stops_cleaning=stops))
    presets = presets_folder()
    facts.append(Fact("presets", str(presets), f"{presets}{'' if presets.is_dir() else ' (none yet)'}"))
    cache, complaint = _cache()
    facts.append(cache)
    return Section(facts, [*remarks, complaint] if complaint else remarks)


def _writable(name: str, place: Path) -> tuple[Fact, Remark | None]:
    there = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())
    shown = f"{place}" if there == place.absolute() else f"{place} (to be made in {there})"
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(1 << 16))
        free = shutil.disk_usage(there).free / 1e9
    except OSError as error:
        why = error.strerror or str(error)
        return (
            Fact(name, False, f"{shown}: cannot be written to ({why})"),
            Remark(f"{place}: cannot be written to ({why}).", "Name another folder, or get the right to write."),
        )
    little = free < _LITTLE
    remark = Remark(f"{place}: only {free:.1f} GB are free.", "Free some space.") if little else None
    return Fact(name, True, f"{shown}: can be written to, {free:.1f} GB free"), remark


def _temporary() -> Path | None:
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return None


def _cache() -> tuple[Fact, Remark | None]:
    """The folder of what is measured of this machine; whether its one file can be read."""
    try:
        from denoiser.engine.precision import CACHE_VARIABLE, cache_folder
    except (ImportError, OSError):  # torch, which the remark of another part is about
        return Fact("cache", None, "not examined: torch cannot be used"), None
    folder = cache_folder()
    remedy = f"Nothing is lost, each start measures anew. {CACHE_VARIABLE} names another folder."
    _, unwritable = _writable("cache", folder)
    if unwritable:
        return Fact("cache", str(folder)), Remark(f"Cache {unwritable.text}", remedy)
    try:
        kept = json.loads((folder / "precision.json").read_text(encoding="utf-8"))
        if not isinstance(kept, dict):
            raise ValueError("not a table")
    except FileNotFoundError:
        return Fact("cache", str(folder), f"{folder} (nothing kept yet)"), None
    except (OSError, ValueError) as error:
        text = f"Cache {folder / 'precision.json'}: cannot be read ({error})."
        return Fact("cache", str(folder)), Remark(text, "Delete it: it is made anew.")
    return Fact("cache", str(folder), f"{folder} ({len(kept)} kept)"), None
