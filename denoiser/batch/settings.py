"""All options of a run as one value, and the part of it that determines the outputs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from denoiser.errors import MissingDevice
from denoiser.options import BatchOptions, DecodeOptions, DenoiseOptions, EncodeOptions, ReadOptions, WriteOptions

# Options that do not change the outputs.
_MEANS = frozenset({"batch_size", "device", "jobs", "max_pixels", "memory", "model", "precision", "tile"})
_MEANS_OF_BATCH = frozenset(
    {"flat", "max_errors", "overwrite", "recursive", "rename", "report", "retry_failed", "shard", "verify"}
)
# Options that may be "auto"; what was chosen for them is kept on resume if the options are the same.
_CHOSEN = ("model", "device", "precision", "tile")

_Options = TypeVar("_Options")
_Worker = TypeVar("_Worker")


@dataclass(frozen=True, slots=True)
class MaskFile:
    """The mask of a file, by its content."""

    path: Path = field(compare=False)
    sha256: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The options for reading, processing and writing, and for the run as a whole.

    Files are cleaned, unless *encode* or *decode* is given. A *mask* is that of a single file. Options whose names
    are *given* have precedence over sidecars.
    """

    denoise: DenoiseOptions = DenoiseOptions()
    read: ReadOptions = ReadOptions()
    write: WriteOptions = WriteOptions()
    batch: BatchOptions = BatchOptions()
    encode: EncodeOptions | None = None
    decode: DecodeOptions | None = None
    mask: MaskFile | None = None
    given: frozenset[str] = frozenset()

    @property
    def of_network(self) -> DenoiseOptions | EncodeOptions | DecodeOptions:
        """The options of the work, with model, device and precision."""
        return self.encode or self.decode or self.denoise

    @property
    def look(self) -> dict[str, Any]:
        """The options that change the outputs and are not the default, by name."""
        values: dict[str, Any] = {}
        if self.of_network is not self.denoise:
            values["options"] = type(self.of_network).__name__  # defaults of encoding differ from those of cleaning
        groups = (self.denoise, self.read, self.write, self.batch, self.encode, self.decode)
        for options in groups:
            if options is None:
                continue
            for one in dataclasses.fields(options):
                value = getattr(options, one.name)
                # Defaults are left out, so that a new option does not change the key of earlier runs.
                if one.name not in _MEANS | _MEANS_OF_BATCH and value != one.default:
                    plain = value is None or isinstance(value, bool | str)
                    values[one.name] = value if plain else float(value)  # 25 is 25.0
        if self.mask is not None:
            values["mask"] = self.mask.sha256
        return values

    @property
    def key(self) -> str:
        """A short hash of `look`, for comparison."""
        return hashlib.sha256(json.dumps(self.look, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def asked(self) -> dict[str, Any]:
        """The given model, device, precision and tile."""
        return {name: getattr(self.of_network, name) for name in _CHOSEN if hasattr(self.of_network, name)}


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The weights of the outputs, and device, precision and tile of the earlier run that is continued, if any."""

    model: str  # a name of the catalogue, or a path
    digest: str
    kept: dict[str, Any] = field(default_factory=dict)

    def applied(self, options: _Options) -> _Options:
        """Return *options* with the choice in place of each "auto"."""
        known = {one.name for one in dataclasses.fields(options)}  # type: ignore[arg-type]
        kept = {name: value for name, value in self.kept.items() if name in known}
        return dataclasses.replace(options, model=self.model, **kept)  # type: ignore[type-var]

    def opened(self, open_worker: Callable[[_Options], _Worker], options: _Options) -> _Worker:
        """Open a worker with this choice; on another device if this machine lacks that of the earlier run."""
        try:
            return open_worker(self.applied(options))
        except MissingDevice:
            if not self.kept:
                raise
            return open_worker(ModelChoice(self.model, self.digest).applied(options))
