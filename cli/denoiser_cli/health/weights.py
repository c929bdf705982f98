"""Installed weights, verified against their cards."""

from __future__ import annotations

from denoiser import models
from denoiser.errors import DenoiserError, MissingModel
from denoiser.models import CatalogEntry
from denoiser_cli.health.finding import Fact, Remark, Section

_AGAIN = "Reinstall: `pip install --force-reinstall denoiser-studio`."


def examine() -> Section:
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
