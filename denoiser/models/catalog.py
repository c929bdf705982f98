"""The installed weights, in the wheel or beside the code in a checkout."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from denoiser.errors import MissingModel, UntrustedWeights
from denoiser.models.card import Card, read_card

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parent
_CHUNK = 1 << 20

# The models for "auto" by device, best first. One of them is always installed.
_AUTOMATIC = {"cpu": ("denoiser-fast",), "cuda": ("denoiser-best", "denoiser-fast"), "mps": ("denoiser-fast",)}
_UNSAFE = {".pth", ".pt", ".ckpt", ".bin", ".pkl"}  # formats that can run code; never unpickled
_INTEGERS = ".int8"  # ends the names of the files with the int8 version of the weights beside them
_SHORT = {"fast": "denoiser-fast", "best": "denoiser-best"}


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A weights file and its card; not yet verified."""

    name: str
    path: Path
    card: Card


@dataclass(frozen=True, slots=True)
class BadCard:
    """A weights file whose card is missing or invalid, with the error."""

    name: str
    path: Path
    error: UntrustedWeights


def survey() -> tuple[list[CatalogEntry], list[BadCard]]:
    """All weights that are installed, by name, and those with a bad card. Reads cards, no weights."""
    found: list[CatalogEntry] = []
    bad: list[BadCard] = []
    for name, path in sorted(_files().items()):
        try:
            found.append(_entry(path))
        except UntrustedWeights as error:
            bad.append(BadCard(name, path, error))
    return found, bad


def entries() -> list[CatalogEntry]:
    """All weights that are installed and have a card, by name."""
    return survey()[0]


def find(name_or_path: str, device: str) -> CatalogEntry:
    """The entry for "auto", "fast", a full name, or the path of a weights file with its card beside it."""
    if name_or_path.endswith(".safetensors"):
        path = Path(name_or_path)
        if not path.is_file():
            raise MissingModel(f"{name_or_path}: no such weights file.")
        return _entry(path)
    here = _files()
    wanted = _AUTOMATIC[device] if name_or_path == "auto" else (_SHORT.get(name_or_path, name_or_path),)
    for name in wanted:
        if name in here:
            return _entry(here[name])
    if Path(name_or_path).suffix in _UNSAFE:
        raise MissingModel(f"{name_or_path}: only .safetensors weights are supported; other formats can run code.")
    raise MissingModel(f"No weights named {name_or_path!r}; installed: {', '.join(sorted(here)) or 'none'}.")


def verify(entry: CatalogEntry) -> None:
    """Compare the file with the checksum on its card; raise UntrustedWeights if it differs."""
    digest = hashlib.sha256()
    with entry.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != entry.card.sha256:
        raise UntrustedWeights(f"{entry.path}: modified or truncated; its checksum does not match its card.")


def _files() -> dict[str, Path]:
    # By name only: a file without a card must not hide the others.
    found = (path for place in reversed(_places()) for path in place.glob("*.safetensors"))
    return {path.stem: path for path in found if not path.stem.endswith(_INTEGERS)}


def _places() -> list[Path]:
    # An editable install has no weights in the package; beside an installed one are other packages.
    beside = [_CHECKOUT / "weights"] if (_CHECKOUT / "pyproject.toml").is_file() else []
    return [_PACKAGE / "weights", *beside]


def _entry(path: Path) -> CatalogEntry:
    card = path.with_suffix(".toml")
    if not card.is_file():
        raise UntrustedWeights(
            f"{path}: its card {card.name} is missing.", hint="Copy the .toml card together with the weights."
        )
    return CatalogEntry(path.stem, path, read_card(card))
