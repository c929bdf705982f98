"""The weights that are installed, each compared with its card."""

from __future__ import annotations

from denoiser import models
from denoiser.errors import DenoiserError, MissingModel
from denoiser.models import CatalogEntry
from denoiser_cli.health.finding import Fact, Remark, Section

_AGAIN = "Install the package again: `pip install --force-reinstall denoiser-studio`."


def examine() -> Section:
    """A fact for each file; without one that can be trusted nothing can be cleaned."""
    entries, bad = models.survey()
    facts = [_compared(entry) for entry in entries]
    facts += [Fact(one.name, False, f"has no card that can be read ({one.error.message})") for one in bad]
    remarks = [Remark(f"Weights {fact.name}: {fact.words}.", _AGAIN) for fact in facts if not fact.value]
    trusted = {fact.name for fact in facts if fact.value}
    try:
        automatic = models.find("auto", "cpu").name
    except (MissingModel, DenoiserError) as error:
        remarks.append(Remark(error.message, _AGAIN, stops_cleaning=True))
    else:
        if automatic not in trusted:
            text = f"{automatic}, which cleans when no --model is named, will not be used."
            remarks.append(Remark(text, _AGAIN, stops_cleaning=True))
    return Section(facts, remarks)


def _compared(entry: CatalogEntry) -> Fact:
    try:
        models.verify(entry)
    except DenoiserError:
        return Fact(entry.name, False, "changed, cut or foreign: its digest is not the one on its card")
    except OSError as error:
        return Fact(entry.name, False, f"cannot be read ({error.strerror})")
    card = entry.card
    return Fact(entry.name, True, f"verified, sha256 {card.sha256[:12]}…, {card.parameters / 1e6:.1f} M parameters")
