"""Serialises latent files: header, chunks in a fixed order, and a checksum of the whole file at the end."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from denoiser.codec.container import blocks, layout
from denoiser.codec.container.latent import LatentFile
from denoiser.codec.entropy.symbols import CODER_VERSION

_PICTURE = ("header", layout.TILE.decode(), layout.ALPHA.decode(), layout.EXACT.decode())


def write(latent: LatentFile) -> bytes:
    """Return the bytes of the file; deterministic, and the inverse of `read`."""
    parts = [_header(latent), *(_chunk(kind, payload) for kind, payload in chunks(latent))]
    whole = 0
    for part in parts:
        whole = zlib.crc32(part, whole)
    return b"".join([*parts, _chunk(layout.DONE, layout.CRC.pack(whole))])


def sizes(latent: LatentFile) -> dict[str, int]:
    """Bytes in the file by chunk type; "header" counts the header and the end chunk."""
    found = {"header": layout.HEADER_BYTES + layout.CHUNK_BYTES + layout.CRC.size}
    for kind, payload in chunks(latent):
        name = kind.decode()
        found[name] = found.get(name, 0) + layout.CHUNK_BYTES + len(payload)
    return found


def picture_bytes(latent: LatentFile) -> int:
    """Bytes of the file without metadata, profile, thumbnail and noise model."""
    found = sizes(latent)
    return sum(found.get(name, 0) for name in _PICTURE)


def chunks(latent: LatentFile) -> Iterator[tuple[bytes, bytes]]:
    """Type and payload of each chunk before the end, in order."""
    for kind, payload in _metadata(latent):
        if payload:
            yield kind, payload
    if latent.alpha is not None:
        yield layout.ALPHA, blocks.exact_to_bytes(latent.alpha)
    for tile in latent.tiles:
        yield layout.TILE, blocks.tile_to_bytes(tile)
    if latent.exact is not None:
        yield layout.EXACT, blocks.exact_to_bytes(latent.exact)


def _metadata(latent: LatentFile) -> Iterator[tuple[bytes, bytes | None]]:
    kept, source = latent.metadata, latent.source
    yield layout.PROFILE, latent.profile
    yield layout.CICP, blocks.cicp_to_bytes(latent.cicp) if latent.cicp else None
    yield layout.RESOLUTION, blocks.resolution_to_bytes(kept.resolution) if kept.resolution else None
    yield layout.SOURCE, blocks.source_to_bytes(source) if source else None
    yield layout.EXIF, kept.exif
    yield layout.XMP, kept.xmp
    yield layout.IPTC, kept.iptc
    yield layout.COMMENT, kept.comment.encode("utf-8", "replace") if kept.comment else None
    yield layout.PNG, kept.png
    yield layout.RESOURCES, kept.resources
    yield layout.JPEG, blocks.jpeg_to_bytes(latent.jpeg) if latent.jpeg else None
    yield layout.NOISE, latent.noise
    yield layout.THUMBNAIL, latent.thumbnail


def _header(latent: LatentFile) -> bytes:
    grid = latent.grid
    fields = layout.HEADER.pack(
        layout.MAGIC,
        layout.FORMAT_VERSION,
        CODER_VERSION if grid else 0,
        latent.channels,
        latent.bits,
        latent.width,
        latent.height,
        latent.step,
        layout.FLAG_ALPHA * latent.has_alpha | layout.FLAG_CLEANED * latent.cleaned,
        grid.tile_width // layout.TILE_UNIT if grid else 0,
        grid.tile_height // layout.TILE_UNIT if grid else 0,
        bytes.fromhex(latent.weights) if grid else bytes(layout.WEIGHTS_BYTES),
    )
    return fields + layout.CRC.pack(zlib.crc32(fields))


def _chunk(kind: bytes, payload: bytes) -> bytes:
    content = layout.CHUNK.pack(kind, len(payload)) + payload
    return content + layout.CRC.pack(zlib.crc32(content))
