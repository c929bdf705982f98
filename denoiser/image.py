"""The Image value: pixels in their own bit depth, a separate alpha channel, metadata and origin."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from denoiser.errors import UsageError

Pixels = NDArray[Any]
Mask = NDArray[np.uint16]  # (H, W): local strength, from 0 (pixels stay as they are) to 65535 (full)

_SIDE_IN_NOTEBOOKS = 1024  # maximum side in pixels: larger images slow the page down
_PNG_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # by the number of channels: grey, grey and alpha, RGB, RGBA

# Up to 8 bits are stored as uint8, up to 16 as uint16; 32 means float, where 1.0 is white.
_BITS_OF_DTYPE = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16, np.dtype(np.float32): 32}


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata of a file as raw blocks, which are copied and not parsed.

    ``exif`` is the TIFF structure without the prefix ``Exif\\0\\0``, ``xmp`` the packet, ``iptc`` the IIM records;
    ``resolution`` is horizontal and vertical, in dots per inch. ``png`` are whole chunks that only a PNG can hold:
    text, gAMA, cHRM, sRGB and sBIT; ``resources`` are those of Photoshop: copyright flag and URLs.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    comment: str | None = None
    resolution: tuple[float, float] | None = None
    png: bytes | None = None
    resources: bytes | None = None


class Cicp(NamedTuple):
    """Colour as code points of ITU-T H.273. Decoded pixels are RGB, which is matrix 0."""

    primaries: int
    transfer: int
    matrix: int = 0
    full_range: bool = True


@dataclass(frozen=True, slots=True)
class JpegTables:
    """Quantisation of a JPEG: sufficient to write another one with the same loss."""

    quantisation: tuple[tuple[int, ...], ...]  # one table of 64 in natural order for each of the 1 to 4 slots
    sampling: tuple[tuple[int, int], ...]  # horizontal and vertical factors of each component
    progressive: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Properties of the source file, to write a similar file and for the report."""

    format: str  # the key of a row in imageio.formats: "jpeg", "png", …
    mode: str  # as stored: "bilevel", "palette", "grey", "grey+alpha", "rgb", "rgba", "cmyk", "raw"
    frames: int = 1
    jpeg: JpegTables | None = None
    lossless: bool = True
    times_ns: tuple[int, int] | None = None  # access and modification
    size: tuple[int, int] | None = None  # upright width and height of the whole image, before any crop
    notes: tuple[str, ...] = ()  # for the user: "the gain map is not carried over"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Image:
    """One upright image. Validated at construction; the arrays are read-only views.

    ``pixels`` is (H, W, C) with C = 1 for grey and 3 for colour; uint8, uint16 or float32. ``bits`` is the
    significant depth: 10-bit values are uint16 from 0 to 1023. Float pixels are from 0 (black) to 1 (white) and may
    exceed that range. ``alpha`` is (H, W) in the same depth, not premultiplied. ``cicp`` describes colours that a
    profile cannot describe, like PQ, or the same colours as ``profile``.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    bits: int = 0  # 0: the full depth of the dtype
    profile: bytes | None = None  # ICC; None means sRGB, or grey with its gamma
    metadata: Metadata = field(default_factory=Metadata)
    origin: Origin | None = None
    cicp: Cicp | None = None

    def __post_init__(self) -> None:
        full = _BITS_OF_DTYPE.get(self.pixels.dtype)
        if full is None:
            raise UsageError(f"Pixels must be uint8, uint16 or float32, not {self.pixels.dtype}.")
        if self.pixels.ndim != 3 or self.pixels.shape[2] not in (1, 3) or 0 in self.pixels.shape:
            raise UsageError(f"Pixels must be (H, W, 1) or (H, W, 3) and not empty, not {self.pixels.shape}.")
        bits = self.bits or full
        if not 1 <= bits <= full or (full == 32 and bits != 32) or (full == 16 and bits <= 8):
            raise UsageError(f"{bits} bits do not fit into {self.pixels.dtype}.")
        object.__setattr__(self, "bits", bits)
        object.__setattr__(self, "pixels", _frozen(self.pixels))
        if self.alpha is not None:
            if self.alpha.shape != self.pixels.shape[:2] or self.alpha.dtype != self.pixels.dtype:
                raise UsageError("Alpha must have the height, width and depth of the pixels.")
            object.__setattr__(self, "alpha", _frozen(self.alpha))

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour; alpha is not counted."""
        return int(self.pixels.shape[2])

    @property
    def megapixels(self) -> float:
        return self.height * self.width / 1e6

    @property
    def white(self) -> float:
        """The value of white in this depth: 255, 1023, 65535, or 1.0 for float."""
        return 1.0 if self.bits == 32 else float((1 << self.bits) - 1)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user about how the image was read."""
        return self.origin.notes if self.origin else ()

    def __repr__(self) -> str:
        colours = "RGB" if self.channels == 3 else "grey"
        alpha = "" if self.alpha is None else " with alpha"
        origin = f" from {self.origin.format}" if self.origin else ""
        return f"<Image {self.width}x{self.height} {colours}{alpha}, {self.bits} bits{origin}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        """The pixels (H, W, C) for numpy, without alpha; read-only unless copied."""
        return np.array(self.pixels, dtype=dtype, copy=copy)

    def _repr_png_(self) -> bytes:
        """A PNG for notebooks: 8 bits, with the profile, at most 1024 pixels on each side."""
        samples = self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha])
        step = -(-max(self.height, self.width) // _SIDE_IN_NOTEBOOKS)
        small = samples[::step, ::step].astype(np.float32) / np.float32(self.white)
        small = np.rint(np.clip(np.nan_to_num(small), 0, 1) * 255)
        return _png(small.astype(np.uint8), self.profile)

    def with_pixels(self, pixels: Pixels) -> Image:
        """A copy of the image with other pixels of the same depth."""
        if pixels.dtype != self.pixels.dtype:
            raise UsageError(f"The pixels of this image are {self.pixels.dtype}, not {pixels.dtype}.")
        return dataclasses.replace(self, pixels=pixels)


def from_numpy(array: Pixels, *, bits: int = 0, profile: bytes | None = None) -> Image:
    """An image from an array (H, W), (H, W, 1), or with 2, 3 or 4 channels; the last of 2 or 4 is alpha."""
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4):
        raise UsageError(f"An image array must be (H, W) or (H, W, 1 to 4), not {array.shape}.")
    channels = array.shape[2]
    if channels in (2, 4):
        return Image(array[:, :, :-1], alpha=array[:, :, -1], bits=bits, profile=profile)
    return Image(array, bits=bits, profile=profile)


def _png(samples: NDArray[np.uint8], profile: bytes | None) -> bytes:
    """A PNG of (H, W, 1 to 4), for display only; denoiser.imageio writes files."""
    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _PNG_COLOURS[channels], 0, 0, 0)
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter type: 0, none
    rows[:, 1:] = samples.reshape(height, -1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b"")]
    if profile:
        chunks.insert(1, (b"iCCP", b"profile\0\0" + zlib.compress(profile)))
    framed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def _frozen(array: Pixels) -> Pixels:
    view = array.view()
    view.flags.writeable = False
    return view
