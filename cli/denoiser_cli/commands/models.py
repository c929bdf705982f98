"""`denoise models`: lists, verifies and describes weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import click

from denoiser.errors import DenoiserError, MissingModel, UntrustedWeights
from denoiser.models import catalog
from denoiser.models.card import gaps
from denoiser.models.catalog import BadCard, CatalogEntry
from denoiser.models.explanation import explained
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags
from denoiser_cli.lines import one_line, shown

_EXAMPLES = """\
denoise models                       list all models
denoise models --verify              also load them
denoise models fast                  describe one model, with its limits
denoise models ./run/mine.safetensors
"""


@dataclass(frozen=True, slots=True)
class _ModelRow:
    """A weights file, its card if it has one, and the problem if it cannot be used."""

    name: str
    entry: CatalogEntry | BadCard
    state: str
    problem: str = ""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("name", required=False, metavar="[NAME]", shell_complete=complete_value)
@click.option("--verify", cls=Flag, is_flag=True, help="Also load each denoiser and codec and check its values.")
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, name: str | None, verify: bool) -> int:
    """List, verify and describe models.

    Each weights file is compared with the checksum on its card. Files that are modified, truncated or without a
    readable card are marked and never loaded, and the exit code is 5.
    """
    entries, bad = ([catalog.find(name, "cpu")], []) if name else catalog.survey()
    if not entries and not bad:
        raise MissingModel("No weights are installed.", hint="Reinstall the package.")
    found = [_tried(entry, load=verify) for entry in entries]
    found += [_ModelRow(one.name, one, "NO READABLE CARD", one.error.message) for one in bad]
    for one in sorted(found, key=lambda one: one.name):
        click.echo(_as_json(one) if mode.json else "\n".join(_as_text(one, explain=name is not None)))
    return UntrustedWeights.exit_code if any(one.problem for one in found) else 0


def _tried(entry: CatalogEntry, *, load: bool) -> _ModelRow:
    try:
        catalog.verify(entry)
        loads = _LOADS.get(entry.card.task) if load else None
        if loads:
            loads(entry)
            return _ModelRow(entry.name, entry, "verified and loaded")
    except OSError as error:
        return _ModelRow(entry.name, entry, "UNREADABLE", f"{entry.path}: {error.strerror}.")
    except DenoiserError as error:
        return _ModelRow(entry.name, entry, "MODIFIED OR INVALID, cannot be used", error.message)
    return _ModelRow(entry.name, entry, "verified")


def _load_denoiser(entry: CatalogEntry) -> object:
    from denoiser.models.loading import load  # torch

    return load(entry)


def _load_codec(entry: CatalogEntry) -> object:
    from denoiser.codec import model  # torch

    return model.load(entry)


_LOADS: Mapping[str, Callable[[CatalogEntry], object]] = {
    "denoiser": _load_denoiser,
    "codec": _load_codec,
}


def _as_json(found: _ModelRow) -> str:
    words: dict[str, Any] = {}
    if isinstance(found.entry, CatalogEntry):
        words = asdict(found.entry.card) | {"gaps": gaps(found.entry.card)}
    words |= {"name": found.name, "path": str(found.entry.path)}
    words |= {"verified": not found.problem, "problem": found.problem}
    return json.dumps(words, default=str)


def _as_text(found: _ModelRow, *, explain: bool) -> Iterator[str]:
    yield f"{one_line(found.name)}: {found.state}"
    if found.problem:
        yield f"  {one_line(found.problem)}"
    if not isinstance(found.entry, CatalogEntry):
        return
    card = found.entry.card
    if not explain:
        yield f"  {one_line(card.summary)} {card.parameters / 1e6:.1f} M parameters, {one_line(card.licence)}."
        return
    for heading, lines in explained(card):
        yield f"\n  {heading}"
        yield from (f"    {one_line(line)}" for line in lines)
    yield f"\n  File\n    {shown(found.entry.path)}\n    sha256 {one_line(card.sha256)}"
