"""All that was asked of a run as one value, and the part of it that decides what an output looks like."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, TypeVar

from denoiser.options import BatchOptions, DecodeOptions, DenoiseOptions, EncodeOptions, ReadOptions, WriteOptions

# How a run goes about its work, not what comes out of it. Whatever is not named here makes another output.
_MEANS = frozenset({"batch_size", "device", "jobs", "max_pixels", "memory", "model", "precision", "tile"})
_MEANS_OF_BATCH = frozenset({"max_errors", "overwrite", "recursive", "report", "retry_failed", "shard", "verify"})
# What "auto" may stand for; a choice is kept on resume as long as the same was asked.
_CHOSEN = ("model", "device", "precision", "tile")

_Options = TypeVar("_Options")


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked of reading, cleaning, writing, and of the run as a whole.

    Files are cleaned, unless it is asked how to encode or to decode them.
    """

    denoise: DenoiseOptions = DenoiseOptions()
    read: ReadOptions = ReadOptions()
    write: WriteOptions = WriteOptions()
    batch: BatchOptions = BatchOptions()
    encode: EncodeOptions | None = None
    decode: DecodeOptions | None = None

    @property
    def of_network(self) -> DenoiseOptions | EncodeOptions | DecodeOptions:
        """The options of whatever is done; each says which weights, and where and in what they run."""
        return self.encode or self.decode or self.denoise

    @property
    def look(self) -> dict[str, Any]:
        """What decides the bytes of an output and is not the default, by name; the same for the same outputs."""
        values: dict[str, Any] = {}
        if self.of_network is not self.denoise:
            values["options"] = type(self.of_network).__name__  # encoded with all defaults is not cleaned with all
        asked = (self.denoise, self.read, self.write, self.batch, self.encode, self.decode)
        for options in asked:
            if options is None:
                continue
            for field in dataclasses.fields(options):
                value = getattr(options, field.name)
                # A control that a later version adds leaves the key of earlier runs as it is.
                if field.name not in _MEANS | _MEANS_OF_BATCH and value != field.default:
                    plain = value is None or isinstance(value, bool | str)
                    values[field.name] = value if plain else float(value)  # 25 is 25.0
        return values

    @property
    def key(self) -> str:
        """One word for `look`, to compare by."""
        return hashlib.sha256(json.dumps(self.look, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def asked(self) -> dict[str, Any]:
        """What was said of model, device, precision and tiles."""
        return {name: getattr(self.of_network, name) for name in _CHOSEN if hasattr(self.of_network, name)}


@dataclass(frozen=True, slots=True)
class Choice:
    """The weights that the outputs are made with; and on what, where an earlier run has chosen that already."""

    model: str  # a name of the catalogue, or a path
    digest: str
    kept: dict[str, Any] = dataclasses.field(default_factory=dict)  # device, precision, tile of the earlier run

    def applied(self, options: _Options) -> _Options:
        """*options* of a network with the choice in place of each "auto"."""
        known = {field.name for field in dataclasses.fields(options)}  # type: ignore[arg-type]
        kept = {name: value for name, value in self.kept.items() if name in known}
        return dataclasses.replace(options, model=self.model, **kept)  # type: ignore[type-var]

    def without_place(self) -> Choice:
        """The same weights, wherever they may run."""
        return Choice(self.model, self.digest)
