"""Whether a latent file is the same everywhere: symbols over threads and devices, pixels over precisions.

Photos are encoded once, with one thread in fp32. Processes of their own then decode them with other numbers of
threads, on each device and in each precision. Symbols have to be those that were encoded, to the bit: a file of
which a single one differs is a mismatch. Pixels have to lie within one 8-bit step of those of fp32 on the processor
in fp32 elsewhere; in bf16 99.9 % within one and none beyond three.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import contract
import numpy as np

QUALITIES = (10.0, 30.0, 50.0, 70.0, 90.0)
THREADS = (1, 2, 3, 4)
PIXELS_OF = 10  # one file in so many is decoded to pixels, which takes longer
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MOST_IN_BF16, MOST_IN_FP32 = 3, 1  # 8-bit steps
WITHIN_ONE_IN_BF16 = 0.999


def main() -> int:
    parser = contract.parser(__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="photos (those bundled with scikit-image)")
    parser.add_argument("--model", default="auto", help="weights of a codec (the shipped ones)")
    parser.add_argument("--photos", type=int, default=100, help="how many at most (100)")
    parser.add_argument("--side", type=int, default=512, help="of what is cut out of their middle (512)")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.child:
        return child(*words.child)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = contract.Report(__doc__, words)
        count = encode_all(words, folder)
        wrong = symbols(words.model, folder, report, count)
        wrong += pixels(words.model, folder, report)
        return report.finish() or int(wrong > 0)


def encode_all(words: argparse.Namespace, folder: Path) -> int:
    """Writes a latent file for each photo and quality; returns how many."""
    from denoiser.codec.encode import Encoder
    from denoiser.events import CancelToken
    from denoiser.image import Image
    from denoiser.options import EncodeOptions

    encoder, count = Encoder(EncodeOptions(model=words.model, device="cpu", precision="fp32")), 0
    for photo in photos(words.data, words.photos):
        top, left = (max(0, side - words.side) // 2 for side in photo.shape[:2])
        at = encoder.trial(Image(photo[top : top + words.side, left : left + words.side].copy()))
        for quality in QUALITIES:
            (folder / f"{count:04}.dlf").write_bytes(at(quality, CancelToken()).data)
            count += 1
    return count


def photos(data: Path | None, most: int) -> Iterator[np.ndarray]:
    if data is None:
        from skimage import data as bundled

        for name in ("astronaut", "coffee", "cat", "rocket", "immunohistochemistry", "retina")[:most]:
            yield getattr(bundled, name)()
        return
    from denoiser import imageio

    paths = sorted(path for path in data.rglob("*") if imageio.formats.is_image_name(path))
    for path in paths[:most]:
        pixels = imageio.read(path).pixels
        if pixels.dtype == np.uint8 and pixels.shape[2] == 3:
            yield pixels


def symbols(model: str, folder: Path, report: contract.Report, count: int) -> int:
    """Rows on symbols; returns how many files have others than were encoded."""
    base: dict[str, Any] | None = None
    total = 0
    for threads in THREADS:
        found = run(model, folder, threads, "symbols", "cpu")
        base = base or found
        wrong = sum(found[name] != base[name] or found[name] == "damaged" for name in base)
        report.add_facts("symbols", f"{threads} threads", files=count, mismatches=wrong)
        total += wrong
    return total


def pixels(model: str, folder: Path, report: contract.Report) -> int:
    """Rows on pixels; returns how many ways of decoding are beyond their bar."""
    import torch

    run(model, folder, 1, "fp32", "cpu")
    ways = [("fp32", "cpu", 2), ("bf16", "cpu", 1), ("bf16", "cpu", 2)]
    if torch.cuda.is_available():
        ways += [("fp32", "cuda", 1), ("bf16", "cuda", 1)]
    beyond = 0
    for precision, device, threads in ways:
        run(model, folder, threads, precision, device)
        within, most = compared(folder, precision, device, threads)
        good = (
            most <= MOST_IN_FP32 if precision == "fp32" else most <= MOST_IN_BF16 and within >= WITHIN_ONE_IN_BF16
        )
        facts = {"within one step %": 100 * within, "largest difference": most, "bar": "met" if good else "MISSED"}
        report.add_facts("pixels", f"{precision}, {device}, {threads} threads", **facts)
        beyond += not good
    return beyond


def compared(folder: Path, precision: str, device: str, threads: int) -> tuple[float, int]:
    """The share of values within one step of the reference, and the largest difference."""
    near = total = most = 0
    for path in sorted((folder / "fp32-cpu-1").glob("*.npy")):
        other = np.load(folder / f"{precision}-{device}-{threads}" / path.name)
        difference = np.abs(np.load(path).astype(int) - other.astype(int))
        near, total, most = (
            near + int((difference <= 1).sum()),
            total + difference.size,
            max(most, difference.max()),
        )
    return near / total, int(most)


def run(model: str, folder: Path, threads: int, what: str, device: str) -> dict[str, Any]:
    """What a process of its own says, with so many threads."""
    command = [sys.executable, __file__, "--child", model, str(folder), what, device]
    environment = os.environ | dict.fromkeys(_THREAD_VARIABLES, str(threads))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    print(f"measured: {what}, {device}, {threads} threads", file=sys.stderr, flush=True)
    return found


def child(model: str, folder: str, what: str, device: str) -> int:
    """The part that runs in processes of its own."""
    paths = sorted(Path(folder).glob("*.dlf"))
    print(json.dumps(digests(model, paths) if what == "symbols" else decoded(model, paths, what, device)))
    return 0


def digests(model: str, paths: list[Path]) -> dict[str, str]:
    """SHA-256 of the symbols of each file, or "damaged" where they are not what was encoded."""
    from denoiser.codec import container
    from denoiser.codec import model as weights
    from denoiser.codec.context import Coder
    from denoiser.codec.mosaic import in_latents, padded
    from denoiser.errors import DamagedLatent

    coder, found = Coder(weights.load_exact(weights.find(model))), {}
    for path in paths:
        file, total = container.read(path), hashlib.sha256()
        try:
            for box, tile in zip(file.grid.boxes() if file.grid else (), file.tiles, strict=True):
                place = in_latents(padded(box))
                for part in coder.symbols(tile, (place.height, place.width), file.step):
                    total.update(part.astype("<i2").tobytes())
            found[path.name] = total.hexdigest()
        except DamagedLatent:
            found[path.name] = "damaged"
    return found


def decoded(model: str, paths: list[Path], precision: str, device: str) -> dict[str, str]:
    """Writes the pixels of some files beside them."""
    import torch

    from denoiser.codec import container
    from denoiser.codec.decode import Decoder
    from denoiser.options import DecodeOptions

    threads = int(os.environ["OMP_NUM_THREADS"])
    torch.set_num_threads(threads)
    target = paths[0].parent / f"{precision}-{device}-{threads}"
    target.mkdir(exist_ok=True)
    decoder = Decoder(DecodeOptions(model=model, device=device, precision=precision))
    for path in paths[:: PIXELS_OF + 1]:  # every quality has its turn
        np.save(target / f"{path.stem}.npy", decoder.decode(container.read(path), path.name).image.pixels)
    return {}


if __name__ == "__main__":
    sys.exit(main())
