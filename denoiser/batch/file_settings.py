"""The settings of each file of a run, where they differ: with its sidecar, and with its mask.

The desktop app can store the settings of photo.jpg beside it, as photo.jpg.denoise.toml, and its mask as
photo.jpg.denoise.mask.png. The command line reads both with --sidecars.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path, PurePath
from typing import Any, TypeVar

from denoiser.batch.manifest import sha256_of
from denoiser.batch.presets import load_preset
from denoiser.batch.settings import MaskFile, Settings
from denoiser.errors import DenoiserError, UnreadableImage, UsageError
from denoiser.models import catalog
from denoiser.options import DenoiseOptions
from denoiser.storage import Url, is_url

NO_MASK = "no mask was found for it; it was cleaned everywhere"

# Options of a sidecar that depend on the machine; those of the run apply. Without a model in it, too.
_MACHINE = frozenset({"device", "precision", "tile", "batch_size", "memory"})

_Options = TypeVar("_Options")


def sidecar_of(photo: Path) -> Path:
    """Return the file with the settings of a photo, beside it."""
    return photo.with_name(f"{photo.name}.denoise.toml")


def mask_beside(photo: Path) -> Path:
    """Return the file with the mask of a photo, beside it."""
    return photo.with_name(f"{photo.name}.denoise.mask.png")


class FileSettings:
    """Returns the settings of one file of a run after the other. Raises UsageError if there is no such mask."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mask = Path(settings.batch.mask).absolute() if settings.batch.mask else None
        if is_url(settings.batch.mask):
            raise UsageError(f"{settings.batch.mask}: a mask must be a file or folder.", hint="Copy it first.")
        if self._mask is not None and not self._mask.exists():
            raise UsageError(
                f"{settings.batch.mask}: no such mask.",
                hint="Give a grey PNG, or a folder with a mask a.jpg.png or a.png for each photo a.jpg.",
            )
        self._digest = functools.cache(sha256_of)

    def __call__(self, path: Path, below: PurePath) -> Settings | None:
        """Return the settings of a file; None if they are those of the run.

        *below* is its path relative to the source, which folders of masks mirror. Raises UnreadableImage for an
        invalid sidecar, or a mask that cannot be read.
        """
        run = self._settings
        if (not run.batch.mask and not run.batch.sidecars) or isinstance(path, Url):
            return None
        own = self._with_sidecar(path) if run.batch.sidecars and sidecar_of(path).is_file() else run
        mask = self._mask_of(path, below)
        return dataclasses.replace(
            own,
            mask=MaskFile(mask, self._digest(mask)) if mask else None,
            batch=dataclasses.replace(own.batch, mask="", sidecars=False),
        )

    def digest_of(self, own: Settings) -> str:
        """Return the SHA-256 of the weights of a file; "" for those of the run. Raises MissingModel."""
        model = own.denoise.model
        return "" if model == self._settings.denoise.model else catalog.find(model, "cpu").card.sha256

    def is_mask(self, path: Path) -> bool:
        """Return whether *path* is the mask of the run, or in its folder of masks."""
        return self._mask is not None and not isinstance(path, Url) and path.absolute().is_relative_to(self._mask)

    def _mask_of(self, path: Path, below: PurePath) -> Path | None:
        if self._mask is None:
            mask = mask_beside(path).absolute()
            return mask if self._settings.batch.sidecars and mask.is_file() else None
        if self._mask.is_file():
            return self._mask
        folder = self._mask / below.parent
        names = (f"{below.name}.png", f"{below.stem}.png")
        return next((folder / name for name in names if (folder / name).is_file()), None)

    def _with_sidecar(self, photo: Path) -> Settings:
        """Return the settings of the window: stored values and defaults, except for flags and the machine."""
        sidecar = sidecar_of(photo)
        try:
            values = load_preset(str(sidecar))
        except DenoiserError as error:
            raise UnreadableImage(
                f"{photo}: the settings beside it are invalid: {error.message}",
                hint=f"Fix or remove {sidecar.name}, or leave out --sidecars.",
            ) from error
        if values.get("model") == DenoiseOptions().model:
            del values["model"]
        if str(values.get("model", "")).endswith(".safetensors"):
            values["model"] = str(photo.parent.absolute() / values["model"])
        run = self._settings
        return dataclasses.replace(
            run,
            denoise=self._changed(run.denoise, values, DenoiseOptions(model=run.denoise.model)),
            read=self._changed(run.read, values, run.read),
            write=self._changed(run.write, values, type(run.write)()),
        )

    def _changed(self, run: _Options, values: dict[str, Any], absent: _Options) -> _Options:
        """Return options with stored *values*; flags, and options of the machine, are those of the run."""
        names = {field.name for field in dataclasses.fields(run)}  # type: ignore[arg-type]
        kept = names & (_MACHINE | self._settings.given)
        chosen = {name: getattr(run, name) for name in kept}
        chosen |= {name: values[name] for name in names & values.keys() - kept}
        return dataclasses.replace(absent, **chosen)  # type: ignore[type-var]
