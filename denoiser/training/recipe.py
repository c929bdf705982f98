"""Recipes: what is trained, on which noise, in which stages. TOML files beside this module, or a user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from denoiser.errors import UsageError

_TABLES = {"network", "noise", "optimiser", "stage", "more"}
_FORMER_NAME_OF_BLIND = "untold"  # run folders of earlier versions keep such recipes


@dataclass(frozen=True, slots=True)
class NoiseShares:
    """How often each kind of noise is drawn for a patch; the shares add up to 1."""

    white: float
    camera: float
    shaped: float
    clean: float
    impulse: float = 0.0  # salt and pepper, random values
    masking: float = 0.0  # pixels, blocks and stripes that are missing
    max_sigma: float = 75.0
    grey: float = 0.15  # of the samples: images without colour
    blind: float = 0.25  # of the samples: neither level nor kind is given
    mismatch: float = 0.0  # of the samples: the network is given a wrong level
    defects: float = 0.0  # of the samples: dead and hot pixels on top of the noise
    stripes: float = 0.0  # of the samples: offsets of rows or columns on top of the noise

    def __post_init__(self) -> None:
        total = self.white + self.camera + self.shaped + self.clean + self.impulse + self.masking
        if abs(total - 1) > 1e-6:
            raise UsageError(f"The shares of noise add up to {total:g}, not to 1.")
        if self.defects + self.stripes > 1:
            raise UsageError("defects and stripes add up to more than 1.")


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training, up to the fraction ``until`` of it."""

    until: float
    patch: int
    batch: int
    loss: str  # "charbonnier" or "log-mse"; "rate-distortion" of a codec


@dataclass(frozen=True, slots=True)
class Recipe:
    """All settings of a training except its time, images and seed.

    A recipe without a network (architecture "") trains the network it starts from.
    """

    name: str
    architecture: str
    settings: Mapping[str, Any]
    noise: NoiseShares
    stages: tuple[Stage, ...]
    halo: int
    text: str  # of the file; a run keeps a copy
    muon_rate: float = 0.01
    adam_rate: float = 2e-3
    warm_up_steps: int = 100
    ema: float = 0.999
    noisy_share: float = 1.0  # of the samples; a codec sees clean ones beside them
    high_rate_share: float = 0.5  # of the samples of a codec, whose quality step is in the upper half
    pair_share: float = 0.5  # of the samples, where real pairs are given; the rest is drawn noise
    compile: bool | str = False  # by torch.compile; "cudagraphs" launches each pass of a GPU as one graph instead
    steps: int = 0  # length of the training, if it does not depend on the time

    def stage_at(self, fraction: float) -> Stage:
        """The stage at that fraction of the training."""
        return next((stage for stage in self.stages if fraction < stage.until), self.stages[-1])


def names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml"))


def load(name_or_path: str) -> Recipe:
    """The recipe of that name, or of that TOML file."""
    if name_or_path in names():
        return parse((_folder() / f"{name_or_path}.toml").read_text(encoding="utf-8"), name_or_path)
    if Path(name_or_path).is_file():
        return parse(Path(name_or_path).read_text(encoding="utf-8"), Path(name_or_path).stem)
    raise UsageError(f"{name_or_path!r} is neither a recipe nor a file; recipes are {', '.join(names())}.")


def parse(text: str, name: str) -> Recipe:
    """The recipe that *text* (TOML) describes."""
    try:
        words = tomllib.loads(text)
        if unknown := sorted(words.keys() - _TABLES):
            raise KeyError(f"{unknown[0]} is none of {', '.join(sorted(_TABLES))}")
        if _FORMER_NAME_OF_BLIND in words["noise"]:
            words["noise"]["blind"] = words["noise"].pop(_FORMER_NAME_OF_BLIND)
        network = words.get("network", {"architecture": "", "halo": 0})
        return Recipe(
            name=name,
            text=text,
            architecture=network.pop("architecture"),
            halo=network.pop("halo"),
            settings=network,
            noise=NoiseShares(**words["noise"]),
            stages=tuple(Stage(**stage) for stage in words["stage"]),
            **words.get("optimiser", {}),
            **words.get("more", {}),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise UsageError(f"The recipe {name} cannot be read: {error}.") from error


def _folder() -> Any:
    return resources.files("denoiser.training") / "recipes"
