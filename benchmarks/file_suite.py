"""Whether files of all kinds are cleaned without errors of the program, and without losing metadata silently.

    python benchmarks/file_suite.py --files 2000
    python benchmarks/file_suite.py --files 0 --data FOLDER --data FOLDER

Files are written by Pillow, tifffile, imagecodecs and pillow-heif in all their formats, modes, depths and metadata,
and half of them are then truncated or changed. --data adds public suites, such as Tests/images of Pillow's source
archive. Outputs are read by Pillow, and compared with their sources: what is missing must be named in a note.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import contract
import imagecodecs
import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 - registers JPEG XL
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin
from skimage import data

from denoiser import denoise_folder
from denoiser.errors import DenoiserError, UnreadableImage, UnwritableImage
from denoiser.events import Event, FileDone, FileFailed
from denoiser.imageio import formats
from denoiser.options import DenoiseOptions, WriteOptions

pillow_heif.register_heif_opener()
warnings.filterwarnings("ignore", module="PIL")

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"s\0R\0G\0B", b"w\0i\0d\0e")
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Credit="Jane Doe"/></rdf:RDF></x:xmpmeta>'
    b'<?xpacket end="w"?>'
)
# What is compared: its name here, and a word that the note on its loss contains.
FIELDS = {
    "colours": "profile",
    "exif": "EXIF",
    "xmp": "XMP",
    "comment": "comment",
    "text": "text",
    "dpi": "resolution",
}

SRGB = (b"sRGB", b"RGB_D65_SRG_Rel_SRG", b"Gra_D65_Rel_SRG")  # names of profiles that may be left out
IN_XMP = {"Author", "Copyright", "Title", "Description"}
OTHER_TEXT = (
    "XML:com.adobe.xmp",
    "Raw profile type",
    "comment",
    "Comment",
)  # blocks in text, and a field of its own


def metadata() -> Iterator[dict[str, Any]]:
    """Combinations of metadata, as arguments of Pillow's `save`."""
    exif = Image.Exif()
    exif.update({0x010F: "Maker", 0x8298: "Jane Doe", 0x0112: 6, 0x0132: "2026:01:02 03:04:05"})
    exif.get_ifd(0x8769)[0x927C] = b"note" * 20
    exif.get_ifd(0x8825)[1] = "N"
    text = PngImagePlugin.PngInfo()
    text.add_text("Copyright", "Jane Doe")
    text.add_itxt("Title", "título")
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"gAMA", (55_556).to_bytes(4, "big"))
    code = PngImagePlugin.PngInfo()
    code.add(b"cICP", bytes([12, 13, 0, 1]))
    yield {}
    yield {"exif": exif.tobytes()}
    yield {"exif": exif.tobytes(), "xmp": XMP, "icc_profile": ICC, "dpi": (300, 300), "comment": "a comment"}
    yield {"icc_profile": ICC}
    yield {"xmp": XMP, "pnginfo": text}
    yield {"dpi": (72, 72), "pnginfo": chunks}
    yield {"pnginfo": code}


JPEG: list[dict[str, Any]] = [{"quality": 30}, {"quality": 95, "subsampling": 0, "progressive": True}]
TIFF = [{"compression": name} for name in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits")]
PILLOW: list[tuple[str, str, tuple[str, ...], list[dict[str, Any]]]] = [
    ("png", "PNG", ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), [{}]),
    ("jpg", "JPEG", ("L", "RGB", "CMYK"), JPEG),
    ("tif", "TIFF", ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"), TIFF),
    ("webp", "WEBP", ("RGB", "RGBA"), [{"lossless": True}, {"quality": 80}]),
    ("avif", "AVIF", ("RGB", "RGBA"), [{"quality": 90}]),
    ("heic", "HEIF", ("L", "RGB", "RGBA"), [{"quality": 90}]),
    ("bmp", "BMP", ("1", "L", "P", "RGB", "RGBA"), [{}]),
    ("png", "GIF", ("P",), [{}]),  # under the name of another format, so that it is not left out
    ("jpg", "JPEG2000", ("RGB",), [{}]),
    ("tif", "TGA", ("RGB",), [{}]),
]


def intact(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Suffix and content of files, again and again with other pixels."""
    photo = data.astronaut()
    while True:
        top, left = rng.integers(0, 400, 2)
        pixels = photo[top : top + 64, left : left + 90]
        pixels = np.clip(np.rint(pixels + rng.normal(0, 8, pixels.shape)), 0, 255).astype(np.uint8)
        for suffix, name, modes, settings in PILLOW:
            for mode, words, fields in itertools.product(modes, settings, metadata()):
                yield suffix, by_pillow(pixels, name, mode, words | fields)
        yield from by_others(pixels)


def by_pillow(pixels: NDArray[np.uint8], name: str, mode: str, words: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    if mode == "I;16":
        image = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
    elif mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(pixels[:, :, 1]))
    if mode == "CMYK":
        words = {key: value for key, value in words.items() if key != "icc_profile"}  # that is one of RGB
    if name != "PNG":
        words = {key: value for key, value in words.items() if key != "pnginfo"}
    if words.get("compression"):
        words = {key: value for key, value in words.items() if key != "exif"}  # Pillow cannot write both
    image.convert(mode).save(file, name, **words)
    return file.getvalue()


def by_others(pixels: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
    """Depths and arrangements that Pillow does not write."""
    deep = pixels.astype(np.uint16) * 257
    share = (pixels / 255).astype(np.float32)
    for array, words in itertools.product(
        (pixels, deep, share, share.astype(np.float16), pixels[:, :, 0], deep[:, :, 0], deep.astype(np.int16)),
        ({}, {"tile": (32, 32)}, {"bigtiff": True}, {"compression": "zlib", "predictor": True}, {"byteorder": ">"},
         {"iccprofile": ICC, "description": "by tifffile"}),
    ):  # fmt: skip
        if "predictor" in words and array.dtype == np.float16:
            continue
        file = io.BytesIO()
        kind = "rgb" if array.ndim == 3 else "minisblack"
        tifffile.imwrite(file, array, photometric=kind, **words)
        yield "tif", file.getvalue()
    for array in (pixels, deep, pixels[:, :, 0], deep[:, :, 0]):
        block = np.ascontiguousarray(array)
        yield "png", bytes(imagecodecs.png_encode(block))
        for lossless in (True, False):
            yield "jxl", bytes(imagecodecs.jpegxl_encode(block, lossless=lossless))
    yield "jxl", bytes(imagecodecs.jpegxl_encode(share, lossless=True))
    for primaries, transfer in ((1, 13), (12, 13), (9, 16), (9, 18)):
        words = {"primaries": primaries, "transfer": transfer, "matrix": 9 if primaries == 9 else 1}
        yield "avif", bytes(imagecodecs.avif_encode(pixels, level=90, speed=10, **words))
        yield "avif", bytes(imagecodecs.avif_encode(deep >> 6, level=90, speed=10, bitspersample=10, **words))


def damaged(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """The case and the content of a file that is truncated, or has up to eight other bytes."""
    if rng.random() < 0.4:
        return "truncated", content[: rng.integers(1, len(content))]
    other = bytearray(content)
    early = rng.random() < 0.5  # where the structures are
    for place in rng.integers(0, min(len(other), 600 if early else len(other)), rng.integers(1, 9)):
        other[place] = rng.integers(0, 256)
    return "changed", bytes(other)


def write_files(folder: Path, count: int, rng: np.random.Generator) -> None:
    for number, (suffix, content) in enumerate(itertools.islice(intact(rng), count)):
        case, written = ("intact", content) if number % 2 == 0 else damaged(content, rng)
        path = folder / case / f"{number:05}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written)


def described(path: Path) -> dict[str, Any] | None:
    """The fields of a file as Pillow reads them; None if it cannot."""
    try:
        with Image.open(path) as image:
            image.load()
            exif, info = image.getexif(), image.info
            profile = info.get("icc_profile") or b""
            is_colour = len(image.getbands()) >= 3 or image.mode == "P"  # primaries do not matter for grey
            if image.mode in ("CMYK", "LAB") or any(name in profile.replace(b"\0", b"") for name in SRGB):
                profile = b""
            dots = info.get("dpi") or (exif.get(0x011A, 0),)
            if image.format == "JPEG" and not info.get("jfif_unit") and 0x011A not in exif:
                dots = (0,)  # Pillow assumes 72
            return {
                "colours": bool(profile) or "gamma" in info or (is_colour and has_code_points(path.read_bytes())),
                "exif": bool({0x010F, 0x8298, 0x0132} & set(exif)) or bool(exif.get_ifd(0x8825)),
                "xmp": b"W5M0MpCehiHzreSzNTczkc9d" in path.read_bytes() or bool(info.get("xmp")),
                "comment": bool(info.get("comment") or info.get("Comment")),
                "text": {key for key in getattr(image, "text", {}) if not key.startswith(OTHER_TEXT)},
                "dpi": dots[0] > 1,  # 1 means that only the ratio is known
            }
    except Exception:  # noqa: BLE001 - of other programs, with files that are damaged on purpose
        return None


def has_code_points(content: bytes) -> bool:
    """Whether a PNG, or an AVIF or HEIC with other primaries than those of sRGB, has code points."""
    at = content.find(b"colrnclx") + 8
    return b"cICP" in content[:200] or (at > 8 and content[at : at + 2] not in (b"\0\1", b"\0\2"))


def missing(source: Path, target: Path, notes: tuple[str, ...]) -> list[str]:
    """The fields of the source that the output has not, although no note names them."""
    before, after = described(source), described(target)
    if before is None:
        return []
    if after is None:
        return ["unreadable"]
    if after["xmp"]:
        before["text"] -= IN_XMP
    before["text"] -= after["text"]
    lost = [name for name in FIELDS if before[name] and (name == "text" or not after[name])]
    said = " ".join(notes).lower()
    return [name for name in lost if FIELDS[name].lower() not in said]


def digests(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def main() -> int:
    arguments = contract.parser(__doc__)
    arguments.add_argument("--files", type=int, default=2000, metavar="N", help="generated files (2000)")
    arguments.add_argument("--data", type=Path, action="append", default=[], metavar="DIR", help="more files")
    arguments.add_argument("--model", default="denoiser-fast", metavar="NAME", help="model or weights file")
    arguments.add_argument("--format", choices=[key for key, row in formats.ROWS.items() if row.depths])
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "in")
        write_files(source / "generated", words.files, report.rng)
        for number, folder in enumerate(words.data):
            shutil.copytree(folder, source / f"data-{number}")
        before = digests(source)
        events: list[Event] = []
        options = DenoiseOptions(noise_level=5, model=words.model, device="cpu")
        write = WriteOptions(format=words.format)
        result = denoise_folder(source, Path(name, "out"), options, write=write, listener=events.append)
        report.add_facts("files", "found", files=len(before), cleaned=result.done, failed=len(result.failures))
        bugs = [event for event in events if isinstance(event, FileFailed) and is_bug(event.error)]
        lost = {
            event.source: found
            for event in events
            if isinstance(event, FileDone) and (found := missing(event.source, event.target, event.notes))
        }
        changed = sum(before[path] != digest for path, digest in digests(source).items())
        report.add_facts("bars", "0 of each", bugs=len(bugs), losses=len(lost), inputs_changed=changed)
        kinds = Counter(type(event.error).__name__ for event in events if isinstance(event, FileFailed))
        report.add_facts("failures", "by class", **kinds)
        for event in bugs:
            print(f"{event.source}: {event.error.message}", file=sys.stderr)
        for path, found in lost.items():
            print(f"{path}: lost without a note: {', '.join(found)}", file=sys.stderr)
        failed = bool(bugs or lost or changed)
    return max(report.finish(), failed)


def is_bug(error: DenoiserError) -> bool:
    return not isinstance(error, UnreadableImage | UnwritableImage)


if __name__ == "__main__":
    sys.exit(main())
