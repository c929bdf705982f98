"""Latent files beside JPEG, WebP, AVIF and JPEG XL: bits for equal PSNR, likeness and times, all in one run.

What is measured is what `denoise evaluate codec` measures: real files. On request the table goes into a document,
between the lines CODEC_BEGIN and CODEC_END, and the curves into an SVG. Beside it, bytes that are written are held
against what the tables say of the symbols.

    python benchmarks/codec.py --data PHOTOS --into docs/benchmarks.md --picture docs/images/codec.svg
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import contract
import numpy as np
from skimage import data

from denoiser import imageio
from denoiser.codec import model
from denoiser.codec.context import Coder
from denoiser.codec.transform import Transform
from denoiser.evaluation import rd_report
from denoiser.evaluation.rate_distortion import OURS, Comparison, Curve, compare
from denoiser.evaluation.samples import clean_images, evenly
from denoiser.image import from_numpy

CODEC_BEGIN, CODEC_END = "<!-- benchmarks/codec.py begins -->", "<!-- and codec.py ends -->"
BARS = {"JPEG": -50.0, "WebP": -20.0, "AVIF": -5.0}  # percent of bits against each, at most
MOST_SECONDS = {"encode": 1.2, "decode": 1.0}  # per megapixel, on two cores in bf16
MOST_OFF = 1.5  # percent that written bytes may differ from what the tables say
_NEAR = 0.5  # bits per pixel at which times and MS-SSIM are put side by side
_SIDE = 512  # of crops for the estimate
_STEPS = (8, 24, 40, 56)


def main() -> int:
    words = _words()
    if words.into:
        _around(words.into)  # before minutes are spent
    report = contract.Report(__doc__, words)
    with tempfile.TemporaryDirectory() as place:
        folder = words.data or _own_photos(Path(place))
        found = compare(folder, model=words.model, precision=words.precision, limit=words.limit, progress=_tell)
        off = _off_the_estimate(folder, words)
    for curve in found.curves:
        report.add_facts(f"{found.images} images", curve.settings, **_facts(found, curve))
    report.add_facts("written against the tables", OURS, percent=round(off, 2), at_most=MOST_OFF)
    missed = _missed(found, off)
    for line in missed:
        print(f"MISSED {line}", file=sys.stderr)
    if words.picture:
        words.picture.write_text(rd_report.as_svg(found), encoding="utf-8")
    if words.into:
        told = report.as_json()
        head = f"Commit {told['commit']['name']}, {told['hardware']['cpu']}."
        picture = Path(os.path.relpath(words.picture, words.into.parent)) if words.picture else None
        _put(_markdown(found, head, picture), words.into)
    return max(report.finish(), int(bool(missed)))


def _words() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument("--data", type=Path, metavar="DIR", help="photos (scikit-image's, if none are named)")
    parser.add_argument("--model", default="auto", help="weights of a codec (the shipped ones)")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"), help="of ours (auto)")
    parser.add_argument("--limit", type=int, metavar="N", help="N pictures, spread over the folder")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the curves into this .svg")
    parser.add_argument("--into", type=Path, metavar="FILE", help="put the table into this document")
    return parser.parse_args()


def _own_photos(folder: Path) -> Path:
    for name in ("astronaut", "chelsea", "coffee"):
        imageio.write(from_numpy(getattr(data, name)()), folder / f"{name}.png")
    return folder


def _off_the_estimate(folder: Path, words: argparse.Namespace) -> float:
    """Percent, over crops and steps, that the bytes are more than what the tables say of the symbols."""
    loaded = model.load(model.find(words.model))
    transform, coder = Transform(loaded, "cpu", words.precision), Coder(loaded)
    written = said = 0.0
    for path in evenly(clean_images(folder), min(words.limit or 8, 8)):
        pixels = imageio.read(path)
        values = np.asarray(pixels.pixels, np.float32) / pixels.white
        height, width = (min(_SIDE, side // 64 * 64) for side in values.shape[:2])
        crop = np.ascontiguousarray(np.broadcast_to(values[:height, :width], (height, width, 3)))
        y = transform.analyse(crop)
        for step in _STEPS:
            coded = coder.encode(y, step)
            written += 8 * len(coded.stream)
            said += coder.bits(coded.z, coded.symbols, step)
    return (written / said - 1) * 100


def _facts(found: Comparison, curve: Curve) -> dict[str, float | int | str]:
    near = min(curve.points, key=lambda point: abs(point.bits_per_pixel - _NEAR))
    facts: dict[str, float | int | str] = {
        "bits/pixel": round(near.bits_per_pixel, 3),
        "psnr": round(near.psnr, 2),
        "ms-ssim": "–" if near.ms_ssim is None else round(near.ms_ssim, 4),
        "encode s/MP": round(_seconds(curve, "encode"), 3),
        "decode s/MP": round(_seconds(curve, "decode"), 3),
    }
    if curve.name != OURS:
        facts["ours against it"] = rd_report.percent(found.against(curve.name))
    return facts


def _seconds(curve: Curve, way: str) -> float:
    values: list[float] = [getattr(point, f"{way}_seconds") for point in curve.points]
    return sum(values) / len(values)


def _missed(found: Comparison, off: float) -> list[str]:
    lines = []
    for name, most in BARS.items():
        value = found.against(name)
        if not value <= most:
            lines.append(f"against {name}: {rd_report.percent(value)}, at most {most:+g} %")
    for way, most in MOST_SECONDS.items():
        value = _seconds(found.curves[0], way)
        if value > most:
            lines.append(f"{way}: {value:.2f} s per megapixel, at most {most:g}")
    if abs(off) > MOST_OFF:
        lines.append(f"written bytes are {off:+.2f} % off the tables, at most {MOST_OFF:g} %")
    return lines


def _markdown(found: Comparison, head: str, picture: Path | None) -> str:
    titles = ("bits/pixel", "PSNR dB", "MS-SSIM", "encode s/MP", "decode s/MP", "bits of ours for equal PSNR")
    lines = [f"| about {_NEAR:g} bits per pixel | {' | '.join(titles)} |", f"|---|{'---|' * len(titles)}"]
    for curve in found.curves:
        facts = _facts(found, curve)
        cells = [str(facts[key]) for key in ("bits/pixel", "psnr", "ms-ssim", "encode s/MP", "decode s/MP")]
        lines.append(f"| {curve.settings} | {' | '.join(cells)} | {facts.get('ours against it', '')} |")
    if picture:
        lines += ["", f"![PSNR over bits per pixel]({picture.as_posix()})"]
    return "\n".join([*lines, "", f"{found.images} photos, {found.megapixels:.1f} MP. {head}"])


def _put(table: str, document: Path) -> None:
    before, after = _around(document)
    document.write_text(f"{before}{CODEC_BEGIN}\n{table}\n{CODEC_END}{after}", encoding="utf-8")


def _around(document: Path) -> tuple[str, str]:
    before, begins, rest = document.read_text(encoding="utf-8").partition(CODEC_BEGIN)
    _, ends, after = rest.partition(CODEC_END)
    if not (begins and ends):
        sys.exit(f"{document}: has no lines {CODEC_BEGIN} and {CODEC_END}")
    return before, after


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
