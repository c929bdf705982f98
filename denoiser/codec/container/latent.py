"""The contents of a latent file as a value that is validated at construction."""

from __future__ import annotations

from dataclasses import dataclass, field

from denoiser.codec.container import layout
from denoiser.codec.container.grid import TileGrid
from denoiser.errors import DamagedLatent
from denoiser.image import Cicp, JpegTables, Metadata


@dataclass(frozen=True, slots=True)
class TileStream:
    """The symbols of one tile: their stream, and the CRC-32 of what it decodes to."""

    stream: bytes = field(repr=False)
    symbols_crc: int


@dataclass(frozen=True, slots=True)
class Exact:
    """An image or alpha plane, stored losslessly as WebP or PNG."""

    codec: str  # "webp" or "png"
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        sign = layout.EXACT_SIGNS.get(self.codec)
        if sign is None or not self.data.startswith(sign):
            raise DamagedLatent(f"corrupt: the lossless image is not {self.codec}")


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Properties of the source file."""

    format: str  # a key of imageio.formats
    mode: str
    lossless: bool

    def __post_init__(self) -> None:
        if self.format not in layout.SOURCE_FORMATS.values() or self.mode not in layout.SOURCE_MODES.values():
            raise DamagedLatent(f"unknown source format {self.format!r} or mode {self.mode!r}")


@dataclass(frozen=True, slots=True)
class LatentFile:
    """One image as latents, or lossless. Raises DamagedLatent if its parts contradict each other.

    With latents it has weights, a grid and one tile per grid cell; a lossless image has only ``exact``.
    """

    width: int
    height: int
    channels: int  # 1 or 3; alpha is not counted
    bits: int  # of the source, 32 for float
    has_alpha: bool = False
    step: int = 0  # of quality, 0 to 63
    cleaned: bool = False  # whether it was denoised before encoding
    weights: str = ""  # the first 16 hex digits of the SHA-256 of the weights file
    grid: TileGrid | None = None
    tiles: tuple[TileStream, ...] = ()
    alpha: Exact | None = None  # with tiles only; a lossless image contains its alpha
    exact: Exact | None = None
    profile: bytes | None = field(default=None, repr=False)
    cicp: Cicp | None = None
    metadata: Metadata = field(default_factory=Metadata, repr=False)
    source: SourceFacts | None = None
    jpeg: JpegTables | None = field(default=None, repr=False)  # of the source
    thumbnail: bytes | None = field(default=None, repr=False)
    noise: bytes | None = field(default=None, repr=False)  # model of the removed noise, see codec.grain
    passed_over: tuple[str, ...] = ()  # unknown chunk types that were skipped

    def __post_init__(self) -> None:
        sides = (self.width, self.height)
        if not all(1 <= side <= layout.MAX_SIDE for side in sides):
            raise DamagedLatent(f"invalid size of {self.width}x{self.height} pixels")
        if self.channels not in (1, 3) or self.bits not in layout.BITS:
            raise DamagedLatent(f"{self.channels} channels with {self.bits} bits are not supported")
        if not 0 <= self.step < layout.STEPS:
            raise DamagedLatent(f"invalid quality step {self.step}")
        if self.exact is None:
            self._check_latents()
        else:
            self._check_exact()
        if self.noise is not None and (not self.cleaned or len(self.noise) != layout.NOISE_BYTES):
            raise DamagedLatent(f"corrupt noise model of {len(self.noise)} bytes (denoised: {self.cleaned})")

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6

    @property
    def is_exact(self) -> bool:
        """Whether pixels are stored losslessly."""
        return self.exact is not None

    def _check_latents(self) -> None:
        if self.grid is None or (self.grid.width, self.grid.height) != (self.width, self.height):
            raise DamagedLatent("the tile grid does not cover the image")
        if len(self.tiles) != len(self.grid):
            raise DamagedLatent(f"{len(self.tiles)} tiles instead of {len(self.grid)}")
        if len(self.weights) != 2 * layout.WEIGHTS_BYTES or set(self.weights) - set("0123456789abcdef"):
            raise DamagedLatent("the digest of the weights is missing")
        if not any(bytes.fromhex(self.weights)):
            raise DamagedLatent("the digest of the weights is missing")
        if self.has_alpha != (self.alpha is not None):
            raise DamagedLatent("the alpha flag and the alpha chunk contradict each other")

    def _check_exact(self) -> None:
        if self.grid or self.tiles or self.alpha or self.weights or self.step or self.cleaned or self.noise:
            raise DamagedLatent("contains both a lossless image and latents")
        if self.bits == 32:
            raise DamagedLatent("a lossless image cannot have float pixels")
