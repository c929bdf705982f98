"""Pillow plug-in for latent files: `import denoiser.pillow`, then `Image.open("a.dlf")` and `image.save("a.dlf")`.

Size, mode and metadata come from the file; pixels are decoded when they are first needed.
"""

from __future__ import annotations

import dataclasses
from typing import IO, Any

from PIL import Image, ImageFile

from denoiser.api.calls import decode, encode
from denoiser.codec import container
from denoiser.codec.container import LatentFile
from denoiser.codec.container.layout import MAGIC
from denoiser.errors import DenoiserError
from denoiser.imageio import pillow_bridge
from denoiser.options import EncodeOptions
from denoiser.options.latents import SCALES

FORMAT, MIME_TYPE, SUFFIX = "DLF", "image/x-denoise-latent", ".dlf"
_OPTIONS = frozenset(field.name for field in dataclasses.fields(EncodeOptions))
_METADATA = ("exif", "icc_profile", "xmp", "dpi")


class LatentImageFile(ImageFile.ImageFile):
    """A latent file as a Pillow image. `draft` selects a smaller size to decode, as for JPEG."""

    format = FORMAT
    format_description = "Latent file"

    _data: bytes | None  # None when the pixels are decoded
    _scale: str

    def _open(self) -> None:
        assert self.fp is not None
        data = self.fp.read()
        try:
            file = container.read_bytes(data, str(self.filename or "the latent file"))
        except DenoiserError as error:
            raise OSError(str(error)) from error
        self._data, self._scale = data, SCALES[0]
        self._size, self._mode = (file.width, file.height), _mode_of(file)
        self._full_size = self._size
        self.info.update(_info_of(file))

    def draft(
        self,
        mode: str | None,  # noqa: ARG002 - as in Pillow
        size: tuple[int, int] | None,
    ) -> tuple[str, tuple[int, int, float, float]] | None:
        """Decode at the smallest scale that is at least *size*; the mode stays."""
        if self._data is None or size is None:
            return None
        width, height = self._full_size
        for exponent, scale in enumerate(SCALES):
            smaller = -(-width >> exponent), -(-height >> exponent)
            if exponent and (smaller[0] < size[0] or smaller[1] < size[1]):
                break
            self._size, self._scale = smaller, scale
        return self.mode, (0, 0, *self._size)

    def load(self) -> Any:
        """Decode the pixels; raises OSError if the file is corrupt or its weights are not installed."""
        if self._data is not None:
            try:
                made = pillow_bridge.to_pil(decode(self._data, scale=self._scale))
            except DenoiserError as error:
                raise OSError(f"{error} {error.hint}".rstrip()) from error
            self.im, self._mode, self._size, self._data = made.im, made.mode, made.size, None
            if self._exclusive_fp and self.fp:
                self.fp.close()
            self.fp = None
        return super().load()


def _mode_of(file: LatentFile) -> str:
    if file.channels == 1 and not file.has_alpha:
        return "L" if file.bits <= 8 else "F" if file.bits == 32 else "I;16"
    return ("L" if file.channels == 1 else "RGB") + ("A" if file.has_alpha else "")


def _info_of(file: LatentFile) -> dict[str, Any]:
    kept = file.metadata
    found = {
        "exif": b"Exif\0\0" + kept.exif if kept.exif else None,
        "xmp": kept.xmp,
        "dpi": kept.resolution,
        "comment": kept.comment,
        "icc_profile": file.profile,
    }
    return {name: value for name, value in found.items() if value}


def _accepts(prefix: bytes) -> bool:
    return prefix.startswith(MAGIC)


def _save(image: Image.Image, file: IO[bytes], _name: str | bytes) -> None:
    given = image.encoderinfo
    copy = image.copy()
    copy.info.update({name: given[name] for name in _METADATA if given.get(name)})
    try:
        data = encode(copy, **{name: value for name, value in given.items() if name in _OPTIONS})
    except DenoiserError as error:
        raise OSError(str(error)) from error
    file.write(data)


Image.register_open(FORMAT, LatentImageFile, _accepts)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, SUFFIX)
Image.register_mime(FORMAT, MIME_TYPE)
