"""What made an output, in the output itself: enough to make it again, and nothing about who, where or when."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from denoiser import __version__
from denoiser.batch.settings import Settings
from denoiser.errors import UsageError
from denoiser.imageio.containers import xmp
from denoiser.options import BatchOptions, DenoiseOptions, ReadOptions, WriteOptions

if TYPE_CHECKING:
    from denoiser.image import Image

NAMESPACE = "urn:denoise:1.0/"  # of the property in XMP, for ever
PROPERTY = "ticket"
_VERSION = 1  # of the keys below
_PLACE = ("device", "precision", "tile")


@dataclass(frozen=True, slots=True)
class Ticket:
    """Which program and weights, with which options, on what; and what was found of the noise."""

    model: str
    digest: str  # SHA-256 of the weights
    options: Mapping[str, Any]  # those that decide about an output and are not the default
    place: Mapping[str, Any]  # device, precision and tile
    noise: Mapping[str, Any] = field(default_factory=dict)
    version: str = __version__
    torch: str = ""  # its version: another one may round the last bit differently

    def onto(self, image: Image) -> Image:
        """The picture with this ticket in its XMP; the very same where that has no place for one."""
        text = json.dumps(self._values(), sort_keys=True, separators=(",", ":"))
        packet = xmp.with_property(image.metadata.xmp, NAMESPACE, PROPERTY, text)
        if packet is None:
            return image
        return dataclasses.replace(image, metadata=dataclasses.replace(image.metadata, xmp=packet))

    def settings(self, *, model: str = "") -> Settings:
        """All that was asked, with what stood for "auto"; *model* finds the weights where the name does not.

        UsageError where this version does not know an option.
        """
        asked = dict(self.options)
        place = dict(self.place)
        denoise = _taken(DenoiseOptions, asked, {"model": model or self.model} | place)
        settings = Settings(
            denoise, _taken(ReadOptions, asked), _taken(WriteOptions, asked), _taken(BatchOptions, asked)
        )
        if asked:
            raise UsageError(
                f"The processing record is from version {self.version} and uses unknown options: "
                f"{', '.join(sorted(asked))}.",
                hint="Use that version of denoise.",
            )
        return settings

    def _values(self) -> dict[str, Any]:
        values = {"v": _VERSION, "version": self.version, "model": self.model, "sha256": self.digest}
        known = {"noise": self.noise, "torch": self.torch}
        there = {name: value for name, value in known.items() if value}
        return values | {"options": dict(self.options), **self.place} | there


def ticket_of(settings: Settings, facts: Mapping[str, Any], digest: str) -> Ticket:
    """The ticket of an output that was made like this."""
    place = {name: facts[name] for name in _PLACE if name in facts}
    return Ticket(
        str(facts["model"]), digest, settings.look, place, facts.get("noise", {}), torch=version_of_torch()
    )


@functools.cache
def version_of_torch() -> str:
    """What is installed here; torch itself need not be loaded for it."""
    from importlib import metadata  # takes a hundredth of a second, which a run with nothing to do need not wait

    return metadata.version("torch")


def read_ticket(image: Image) -> Ticket | None:
    """The ticket of a picture, or None where it has none that can be read."""
    text = xmp.property_of(image.metadata.xmp, NAMESPACE, PROPERTY) if image.metadata.xmp else None
    try:
        values = json.loads(text) if text else None
        if not isinstance(values, dict) or values.get("v") != _VERSION or not isinstance(values["options"], dict):
            return None
        place = {name: values[name] for name in _PLACE if name in values}
        return Ticket(
            str(values["model"]),
            str(values["sha256"]),
            values["options"],
            place,
            values.get("noise", {}),
            str(values["version"]),
            str(values.get("torch", "")),
        )
    except (ValueError, KeyError, RecursionError):
        return None


def _taken(options: type[Any], asked: dict[str, Any], place: Mapping[str, Any] | None = None) -> Any:
    """The options of one class, which are taken out of *asked*; UsageError for values that are none."""
    kinds = {field_.name: str(field_.type) for field_ in dataclasses.fields(options)}
    values = {name: asked.pop(name) for name in kinds if name in asked}
    for name, value in values.items():
        if kinds[name].startswith("int") and isinstance(value, float) and value.is_integer():
            values[name] = int(value)
    return options(**values | dict(place or {}))
