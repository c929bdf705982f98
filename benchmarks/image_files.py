"""Reading and writing image files at 24 MP beside bare Pillow; beside libvips where Pillow has no such depth."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import contract
import numpy as np
import pyvips
import skimage.data
import skimage.transform
from PIL import ExifTags
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.image import Image, from_numpy
from denoiser.options import WriteOptions

JPEG_BAR = 1.3  # times Pillow for reading and writing together, with all checks and metadata
PNG16_BAR = 1.2  # times libvips at its compression level 1
PNG16_SIZE_BAR = 1.05

Array = np.ndarray[Any, Any]


def photo(rng: np.random.Generator, height: int, width: int) -> Array:
    """A photo enlarged to this size, as float from 0 to 1, with noise: smooth as a lens, grainy as a sensor."""
    small = skimage.data.astronaut()[:256, :384]
    large = np.asarray(PillowImage.fromarray(small).resize((width, height), PillowImage.Resampling.BICUBIC))
    noise = rng.standard_normal((height, width, 1), dtype=np.float32) * 0.015
    return np.clip(large.astype(np.float32) / 255 + noise, 0, 1)


def with_exif(array: Array) -> bytes:
    """A JPEG as a camera writes it: quality 92, 4:2:0, with EXIF."""
    picture = PillowImage.fromarray(array)
    exif = picture.getexif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Orientation] = 1
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=92, subsampling=2, exif=exif)
    return target.getvalue()


def pillow_bytes(array: Array, format: str, **words: Any) -> bytes:
    target = io.BytesIO()
    PillowImage.fromarray(array).save(target, format, **words)
    return target.getvalue()


def jpeg_files(report: contract.Report, repeat: int, data: bytes, megapixels: float, folder: Path) -> None:
    """The whole way of a JPEG from file to file, which is the claim in docs/benchmarks.md."""
    source, target = folder / "source.jpg", folder / "target.jpg"
    source.write_bytes(data)

    def ours() -> None:
        imageio.write(imageio.read(source), target)

    def pillow() -> None:
        picture = PillowImage.open(source)
        array = np.asarray(picture)
        words = {"qtables": picture.quantization, "subsampling": "4:2:0", "exif": picture.info["exif"]}
        PillowImage.fromarray(array).save(target, **words)

    timings = contract.measure({"ours": ours, "pillow": pillow}, repeat=repeat)
    report.add(
        "file to file, JPEG", timings, work=megapixels, unit="MP/s", against="pillow", at_most={"ours": JPEG_BAR}
    )


def reading(report: contract.Report, repeat: int, name: str, data: bytes, megapixels: float, deep: bool) -> None:
    """Decoding from memory, ours with every check, beside the bare decoder."""
    other: Callable[[], Any] = lambda: np.asarray(PillowImage.open(io.BytesIO(data)))  # noqa: E731
    if deep:
        other = lambda: pyvips.Image.new_from_buffer(data, "", access="sequential").numpy()  # noqa: E731
    against = "libvips" if deep else "pillow"
    timings = contract.measure(
        {"ours": lambda: imageio.read_bytes(data, name).pixels, against: other}, repeat=repeat
    )
    report.add(f"read {name}", timings, work=megapixels, unit="MP/s", against=against)


def writing(
    report: contract.Report, repeat: int, name: str, image: Image, against: str, theirs: Callable[[], bytes]
) -> None:
    """Encoding to memory beside the bare encoder, with the sizes of both."""
    format = name.split()[0]
    options = WriteOptions()
    sizes: dict[str, int] = {}

    def keep(alternative: str, encoded: bytes) -> None:
        sizes[alternative] = len(encoded)

    bar = {"ours": PNG16_BAR} if name == "png 16-bit" else None
    timings = contract.measure(
        {"ours": lambda: imageio.encode(image, format, options), against: theirs}, repeat=repeat, check=keep
    )
    facts = {alternative: {"bytes": size} for alternative, size in sizes.items()}
    report.add(
        f"write {name}", timings, work=image.megapixels, unit="MP/s", against=against, at_most=bar, facts=facts
    )
    if bar and sizes["ours"] > PNG16_SIZE_BAR * sizes[against]:
        raise SystemExit(f"{name}: {sizes['ours']:,} bytes, over {PNG16_SIZE_BAR} times {sizes[against]:,}")


def main() -> int:
    arguments = contract.parser(__doc__, repeat=5)
    arguments.add_argument("--height", type=int, default=4000)
    arguments.add_argument("--width", type=int, default=6000)
    arguments.add_argument("--only", default="", help="only cases whose name holds this")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    values = photo(report.rng, words.height, words.width)
    eight = np.rint(values * 255).astype(np.uint8)
    sixteen = np.rint(values * 65535).astype(np.uint16)
    megapixels = words.height * words.width / 1e6
    jpeg = with_exif(eight)

    def vips(array: Array, saver: str, **save: Any) -> bytes:
        picture = pyvips.Image.new_from_array(array, interpretation="rgb16")
        return bytes(getattr(picture, saver)(**save))

    if "JPEG" in words.only or not words.only:
        with tempfile.TemporaryDirectory() as folder:
            jpeg_files(report, words.repeat, jpeg, megapixels, Path(folder))
    read_back = imageio.read_bytes(jpeg, "a.jpg")
    deep = from_numpy(sixteen)
    plain = from_numpy(eight)
    packed = {"compression": "deflate", "predictor": "horizontal"}
    cases: list[tuple[str, Image, str, Callable[[], bytes]]] = [
        ("jpeg 8-bit", read_back, "pillow", lambda: pillow_bytes(eight, "JPEG", quality=92, subsampling=2)),
        ("png 8-bit", plain, "pillow", lambda: pillow_bytes(eight, "PNG")),
        ("tiff 8-bit", plain, "pillow", lambda: pillow_bytes(eight, "TIFF", compression="tiff_adobe_deflate")),
        ("webp 8-bit", read_back, "pillow", lambda: pillow_bytes(eight, "WEBP", quality=95)),
        ("avif 8-bit", read_back, "pillow", lambda: pillow_bytes(eight, "AVIF", quality=90, subsampling="4:4:4")),
        ("png 16-bit", deep, "libvips", lambda: vips(sixteen, "pngsave_buffer", compression=1)),
        ("tiff 16-bit", deep, "libvips", lambda: vips(sixteen, "tiffsave_buffer", **packed)),
    ]
    for name, image, against, other in cases:
        if words.only in name:
            writing(report, words.repeat, name, image, against, other)
            data = jpeg if name.startswith("jpeg") else imageio.encode(image, name.split()[0])
            reading(report, words.repeat, name, data, megapixels, "16" in name)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
