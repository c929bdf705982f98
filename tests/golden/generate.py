"""Makes the golden files of a format version, once: `python tests/golden/generate.py FOLDER`.

What is in a folder is never made anew: a reader that no longer understands it has broken everybody's files. A new
format or coder version gets a folder of its own.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch

from denoiser import imageio
from denoiser.codec import container, model
from denoiser.codec.context import Coder
from denoiser.codec.decode import Decoder
from denoiser.codec.encode import Encoder
from denoiser.codec.entropy.symbols import SymbolEncoder
from denoiser.codec.entropy.tables import CodingTables
from denoiser.codec.mosaic import in_latents, padded
from denoiser.image import Image, Metadata, Origin
from denoiser.networks.codec.latent_codec import LatentCodec
from denoiser.options import DecodeOptions, EncodeOptions
from denoiser.training import recipe
from denoiser.training.codec import CODING
from denoiser.training.export import write_weights

RECIPE = """
[network]
architecture = "latent-codec-1"
width = 192
blocks = [0, 0]
latents = 32
hyper = 4
features = 8
halo = 64
[noise]
white = 1.0
camera = 0.0
shaped = 0.0
clean = 0.0
[[stage]]
until = 1.0
patch = 64
batch = 1
loss = "rate-distortion"
"""
WORDS = {"device": "cpu", "precision": "fp32"}
METADATA = Metadata(exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x/>", comment="Gänse", resolution=(300.0, 300.0))


def network() -> LatentCodec:
    """The principal components of a photo, and an index that sees all it can; never trained."""
    torch.manual_seed(0)
    made = LatentCodec(width=192, blocks=(0, 0), latents=32, hyper=4, features=8)
    photo = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)[None].float() / 255
    crops = torch.nn.functional.unfold(photo, 64, stride=32).reshape(3, 64, 64, -1).permute(3, 0, 1, 2)
    made.begin_with(crops.contiguous())
    with torch.no_grad():
        for one in (*made.index_passes, *made.mean_passes):
            last = getattr(one.leave, "conv", one.leave)
            last.weight.copy_(torch.randn(last.weight.shape) * 0.05)
    return made.eval()


def pictures() -> dict[str, tuple[Image, dict[str, object]]]:
    """Each golden file: its picture, and how it is encoded."""
    photo = skimage.data.astronaut()[20:116, 150:290].copy()
    ramp = np.add.outer(np.arange(96), np.arange(140)).astype(np.uint8)
    origin = Origin(format="jpeg", mode="rgb", lossless=False)
    deep = (photo[:, :, 1:2].astype(np.uint16) * 257 >> 6).astype(np.uint16)
    wide = np.tile(photo, (5, 15, 1))[:450, :2000]
    noisy = np.clip(photo + np.random.default_rng(0).normal(0, 15, photo.shape), 0, 255).astype(np.uint8)
    return {
        "colour": (
            Image(photo, alpha=ramp, profile=b"a profile", metadata=METADATA, origin=origin),
            {"quality": 60},
        ),
        "finest": (Image(photo), {"quality": 100}),
        "coarsest": (Image(photo), {"quality": 0}),
        "grey10": (Image(deep, bits=10), {"quality": 75}),
        "tiles": (Image(wide), {"quality": 10}),
        "cleaned": (Image(noisy), {"quality": 50, "denoise": 15.0}),
        "exact8": (Image(photo, alpha=ramp), {"lossless": True}),
        "exact16": (Image(deep, bits=10), {"lossless": True}),
    }


def symbol_digests(data: bytes, coder: Coder) -> list[str]:
    """SHA-256 of the symbols of each tile, hyper symbols first, as pairs of bytes."""
    file = container.read_bytes(data, "golden")
    found = []
    for box, tile in zip(file.grid.boxes() if file.grid else (), file.tiles, strict=True):
        place = in_latents(padded(box))
        z, symbols = coder.symbols(tile, (place.height, place.width), file.step)
        found.append(hashlib.sha256(z.astype("<i2").tobytes() + symbols.astype("<i2").tobytes()).hexdigest())
    return found


def extremes() -> tuple[np.ndarray, np.ndarray]:
    """Symbols and the tables that code them, from a generator of whole numbers: small ones, some of any size."""
    state, drawn = 1, []
    for _ in range(6000):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        drawn.append(state >> 33)
    values = np.array(drawn).reshape(2, -1)
    symbols = values[0] % 9 - 4
    symbols[::40] = values[0, ::40] % 65536 - 32768
    symbols[:4] = [32767, -32768, 0, 1]
    return symbols.astype(np.int32), (values[1] % 64).astype(np.uint8)


def stream(tables: CodingTables) -> tuple[bytes, int]:
    """The extremes as bytes, and their checksum."""
    encoder = SymbolEncoder(tables)
    encoder.add(*extremes())
    return encoder.finish(), encoder.checksum


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    plan = recipe.parse(RECIPE, "golden")
    summary = "A small codec for golden files."
    path = folder / "golden.safetensors"
    weights = write_weights(path, network(), CODING, plan, summary=summary, training={"recipe": "none"})
    part = model.load_exact(model.find(str(weights)))
    coder = Coder(part)
    data, checksum = stream(part.tables)
    (folder / "extremes.bin").write_bytes(data)
    pinned: dict[str, Any] = {"weights": hashlib.sha256(weights.read_bytes()).hexdigest()}
    pinned |= {"tables": part.tables.digest, "extremes": checksum, "files": {}}
    for name, (picture, how) in pictures().items():
        encoded = Encoder(EncodeOptions(model=str(weights), **WORDS, **how)).encode(picture)
        (folder / f"{name}.dlf").write_bytes(encoded.data)
        region = "990,200,90,60" if name == "tiles" else ""  # across the border of two tiles
        decoder = Decoder(DecodeOptions(model=str(weights), region=region, **WORDS))
        shown = decoder.decode(container.read(folder / f"{name}.dlf"), name).image
        bare = Image(shown.pixels, alpha=shown.alpha)
        (folder / f"{name}.png").write_bytes(imageio.encode(bare, "png"))
        pinned["files"][name] = {"region": region, "symbols": symbol_digests(encoded.data, coder)}
        print(name, len(encoded.data), encoded.notes)
    (folder / "pinned.json").write_text(json.dumps(pinned, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
