"""The contents of a latent file as a value that is validated at construction."""

from __future__ import annotations

from dataclasses import dataclass, field

from denoiser.codec.container import layout
from denoiser.codec.container.grid import TileGrid
from denoiser.errors import DamagedLatent
from denoiser.image import Metadata


@dataclass(frozen=True, slots=True)
class Tile:
    """The symbols of one tile: their stream, and the CRC-32 of what it decodes to."""

    stream: bytes = field(repr=False)
    symbols_crc: int


@dataclass(frozen=True, slots=True)
class Exact:
    """An image, or a plane of alpha, kept bit for bit by a coder that is not ours."""

    codec: str  # "webp" or "png"
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        sign = layout.EXACT_SIGNS.get(self.codec)
        if sign is None or not self.data.startswith(sign):
            raise DamagedLatent(f"an exact picture that is no {self.codec}")


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of the file that the image came from."""

    format: str  # a key of imageio.formats
    mode: str
    lossless: bool

    def __post_init__(self) -> None:
        if self.format not in layout.SOURCE_FORMATS.values() or self.mode not in layout.SOURCE_MODES.values():
            raise DamagedLatent(f"a source of the format {self.format!r} and the mode {self.mode!r}")


@dataclass(frozen=True, slots=True)
class LatentFile:
    """One image as latents, or exact. DamagedLatent when its parts contradict each other.

    An image of latents has weights, a grid and a tile for each of its places; an exact one has ``exact`` alone.
    """

    width: int
    height: int
    channels: int  # 1 or 3; alpha is not counted
    bits: int  # of the source, 32 for float
    has_alpha: bool = False
    step: int = 0  # of quality, 0 to 63
    cleaned: bool = False  # whether noise was taken out while encoding
    weights: str = ""  # the first 16 hex digits of the SHA-256 of the weights file
    grid: TileGrid | None = None
    tiles: tuple[Tile, ...] = ()
    alpha: Exact | None = None  # beside tiles; an exact image has its own
    exact: Exact | None = None
    profile: bytes | None = field(default=None, repr=False)
    metadata: Metadata = field(default_factory=Metadata, repr=False)
    source: SourceFacts | None = None
    thumbnail: bytes | None = field(default=None, repr=False)
    noise: bytes | None = field(default=None, repr=False)  # what was taken out, as codec.grain packs it
    passed_over: tuple[str, ...] = ()  # unknown chunk types that were skipped

    def __post_init__(self) -> None:
        sides = (self.width, self.height)
        if not all(1 <= side <= layout.MAX_SIDE for side in sides):
            raise DamagedLatent(f"a picture of {self.width}x{self.height} pixels")
        if self.channels not in (1, 3) or self.bits not in layout.BITS:
            raise DamagedLatent(f"a picture of {self.channels} channels and {self.bits} bits")
        if not 0 <= self.step < layout.STEPS:
            raise DamagedLatent(f"a quality step of {self.step}")
        if self.exact is None:
            self._check_latents()
        else:
            self._check_exact()
        if self.noise is not None and (not self.cleaned or len(self.noise) != layout.NOISE_BYTES):
            raise DamagedLatent(f"{len(self.noise)} bytes on noise, and the picture cleaned: {self.cleaned}")

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6

    @property
    def is_exact(self) -> bool:
        """Whether pixels are stored losslessly."""
        return self.exact is not None

    def _check_latents(self) -> None:
        if self.grid is None or (self.grid.width, self.grid.height) != (self.width, self.height):
            raise DamagedLatent("a picture without a grid of tiles that covers it")
        if len(self.tiles) != len(self.grid):
            raise DamagedLatent(f"{len(self.tiles)} tiles where {len(self.grid)} belong")
        if len(self.weights) != 2 * layout.WEIGHTS_BYTES or set(self.weights) - set("0123456789abcdef"):
            raise DamagedLatent("latents that do not name their weights")
        if not any(bytes.fromhex(self.weights)):
            raise DamagedLatent("latents that do not name their weights")
        if self.has_alpha != (self.alpha is not None):
            raise DamagedLatent("alpha is promised and not there, or the other way round")

    def _check_exact(self) -> None:
        if self.grid or self.tiles or self.alpha or self.weights or self.step or self.cleaned or self.noise:
            raise DamagedLatent("an exact picture and parts of a picture of latents")
        if self.bits == 32:
            raise DamagedLatent("an exact picture of float, which is not kept exact here")
