"""The processing record of an output, stored in its XMP: what `redo` needs, and nothing about people and places."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from denoiser.batch.settings import MaskFile, Settings
from denoiser.errors import DenoiserError, UsageError
from denoiser.image import Image, Metadata
from denoiser.imageio import containers, source
from denoiser.imageio.containers import xmp
from denoiser.options import BatchOptions, DenoiseOptions, ReadOptions, WriteOptions, renamed
from denoiser.version import __version__

NAMESPACE = "urn:denoise:1.0/"  # of the property in XMP; never changes
PROPERTY = "ticket"
_VERSION = 1  # of the keys below
_PLACE = ("device", "precision", "tile")


@dataclass(frozen=True, slots=True)
class ProcessingRecord:
    """Version, weights, options, device and noise estimate of an output."""

    model: str
    digest: str  # SHA-256 of the weights
    options: Mapping[str, Any]  # those that change the output and are not the default
    place: Mapping[str, Any]  # device, precision and tile
    noise: Mapping[str, Any] = field(default_factory=dict)
    version: str = __version__
    torch: str = ""  # version; another one may round the last bit differently

    def added_to(self, image: Image) -> Image:
        """Return the image with this record in its XMP; the same object if its XMP is corrupt."""
        values = {"v": _VERSION, "version": self.version, "model": self.model, "sha256": self.digest}
        optional = {"noise": self.noise, "torch": self.torch}
        values |= {"options": dict(self.options), **self.place}
        values |= {name: value for name, value in optional.items() if value}
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        packet = xmp.with_property(image.metadata.xmp, NAMESPACE, PROPERTY, text)
        if packet is None:
            return image
        return dataclasses.replace(image, metadata=dataclasses.replace(image.metadata, xmp=packet))

    def settings(self, *, model: str = "", mask: Path | None = None) -> Settings:
        """Return the settings of the run, with what "auto" stood for; *model* replaces the name of the weights.

        *mask* is the file of the mask, of which the record has the digest. Raises UsageError for options that this
        version does not have.
        """
        values = renamed(self.options)
        digest = values.pop("mask", "")
        place = {"model": model or self.model, **self.place}
        settings = Settings(
            DenoiseOptions(**_taken(DenoiseOptions, values) | place),
            ReadOptions(**_taken(ReadOptions, values)),
            WriteOptions(**_taken(WriteOptions, values)),
            BatchOptions(**_taken(BatchOptions, values)),
            mask=MaskFile(mask or Path(), str(digest)) if digest else None,
        )
        if values:
            raise UsageError(
                f"The processing record is from version {self.version} and uses unknown options: "
                f"{', '.join(sorted(values))}.",
                hint="Use that version of denoise.",
            )
        return settings


def record_of(settings: Settings, facts: Mapping[str, Any], digest: str) -> ProcessingRecord:
    """Return the record of an output that was made with these settings."""
    place = {name: facts[name] for name in _PLACE if name in facts}
    noise = facts.get("noise", {})
    return ProcessingRecord(str(facts["model"]), digest, settings.look, place, noise, torch=version_of_torch())


@functools.cache
def version_of_torch() -> str:
    """Return the installed version, without loading torch."""
    from importlib import metadata  # takes 10 ms, which a run with nothing to do need not wait

    return metadata.version("torch")


def read_record(image: Image) -> ProcessingRecord | None:
    """Return the record of an image, or None if it has no valid one."""
    return _record_of(image.metadata)


def record_in(path: Path) -> ProcessingRecord | None:
    """Return the record of an image file, or None if it has no valid one; reads its metadata only."""
    try:
        with source.mapped(path) as (data, row):
            return _record_of(containers.inspect(data, row.key).metadata)
    except DenoiserError:
        return None


def _record_of(metadata: Metadata) -> ProcessingRecord | None:
    text = xmp.property_of(metadata.xmp, NAMESPACE, PROPERTY) if metadata.xmp else None
    try:
        values = json.loads(text) if text else None
        if not isinstance(values, dict) or values.get("v") != _VERSION or not isinstance(values["options"], dict):
            return None
        return ProcessingRecord(
            str(values["model"]),
            str(values["sha256"]),
            values["options"],
            {name: values[name] for name in _PLACE if name in values},
            values.get("noise", {}),
            str(values["version"]),
            str(values.get("torch", "")),
        )
    except (ValueError, KeyError, RecursionError):
        return None


def _taken(options: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Remove the fields of an options class from *values* and return them."""
    kinds = {field_.name: str(field_.type) for field_ in dataclasses.fields(options)}
    taken = {name: values.pop(name) for name in kinds if name in values}
    for name, value in taken.items():
        if kinds[name].startswith("int") and isinstance(value, float) and value.is_integer():
            taken[name] = int(value)
    return taken
