"""`denoise models`: which weights are here, whether they are what their cards say, and what they are good for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import click

from denoiser import models
from denoiser.errors import MissingModel, UntrustedWeights
from denoiser.models import CatalogEntry
from denoiser_cli.flags import Manner, Verb, speaking_flags
from denoiser_cli.lines import one_line, shown

_EXAMPLES = """\
denoise models                       all weights, verified
denoise models fast                  everything that is on the card of one
denoise models ./run/mine.safetensors
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("name", required=False, metavar="[NAME]")
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, name: str | None) -> int:
    """List, verify and explain the weights.

    Each file is compared with the digest on its card; one that is changed or cut is never loaded, and makes this
    exit with 5.
    """
    entries = [models.find(name, "cpu")] if name else models.entries()
    if not entries:
        raise MissingModel("No weights are installed.", hint="Install the package again.")
    whole = {entry.name: _is_whole(entry) for entry in entries}
    for entry in entries:
        if manner.json:
            words = asdict(entry.card) | {
                "name": entry.name,
                "path": str(entry.path),
                "verified": whole[entry.name],
            }
            click.echo(json.dumps(words, default=str))
        else:
            lines = _explained(entry) if name else _listed(entry)
            verdict = "verified" if whole[entry.name] else "CHANGED OR CUT, will not be used"
            click.echo("\n".join([f"{one_line(entry.name)}: {verdict}", *(f"  {line}" for line in lines)]))
    return 0 if all(whole.values()) else UntrustedWeights.exit_code


def _is_whole(entry: CatalogEntry) -> bool:
    try:
        models.verify(entry)
    except UntrustedWeights:
        return False
    return True


def _listed(entry: CatalogEntry) -> Iterator[str]:
    card = entry.card
    yield f"{one_line(card.summary)} {card.parameters / 1e6:.1f} M parameters, {one_line(card.licence)}."
    if card.metrics:
        yield ", ".join(_pairs(card.metrics))


def _explained(entry: CatalogEntry) -> Iterator[str]:
    card = entry.card
    yield one_line(card.summary)
    yield f"file          {shown(entry.path)}"
    yield f"licence       {one_line(card.licence)}"
    yield f"architecture  {one_line(card.architecture)}, {card.parameters:,} parameters, halo {card.halo} pixels"
    yield f"sha256        {one_line(card.sha256)}"
    for title, table in (("training", card.training), ("metrics", card.metrics)):
        if table:
            yield title
            yield from (f"  {pair}" for pair in _pairs(table))
    if card.limits:
        yield "limits"
        yield from (f"  {one_line(limit)}" for limit in card.limits)


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    yield from (one_line(f"{key} {value}") for key, value in table.items())
