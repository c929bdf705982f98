"""Duplicates among copies of the photos of a folder: recall, precision, and time.

Each photo is copied in 15 ways: resized, recompressed, cropped, recoloured, noisy, denoised, turned, reformatted.
Recall is the share of pairs of a photo's versions that are found in one group, precision the share of pairs in one
group that are versions of one photo. Look-alikes do not count. The bars: 0.98 for both, and 60 s for 1,000 images
after embedding, which takes 0.15 s/MP.

    python benchmarks/similar.py ./photos
    python benchmarks/similar.py ./photos --photos 60 --others ./more-photos
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import contract
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageEnhance

from denoiser import denoise, from_numpy
from denoiser.batch.discover import discover, looks_like_image
from denoiser.imageio import read
from denoiser.workbench.embedding import embed, small_pixels
from denoiser.workbench.similar import DUPLICATES, find_similar

LEAST = 0.98  # of recall and precision
MOST_SECONDS = 60.0  # for 1,000 images, without embedding
MOST_SECONDS_PER_MEGAPIXEL = 0.15
_QUALITY = 90  # of copies that are not about compression


def main() -> int:
    """Copies the photos, finds the copies, and compares with what was copied."""
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument("folder", type=Path, help="photos to copy")
    parser.add_argument("--photos", type=int, default=1000, help="how many of them, at most (1000)")
    parser.add_argument("--others", type=Path, help="more photos, which are not copied")
    words = parser.parse_args()
    report = contract.Report(__doc__, words)
    photos = _images(words.folder)[: words.photos]
    with tempfile.TemporaryDirectory() as name:
        copies = _copies(photos, Path(name), report.rng)
        others = _images(words.others) if words.others else []
        paths = [*photos, *(path for path, _, _ in copies), *others]
        began = time.process_time()
        table = embed(photos)
        seconds = time.process_time() - began  # of the photos alone: copies of a quarter are hardly any megapixels
        megapixels = float((table["width"] * table["height"]).sum()) / 1e6
        report.add_facts("embedding", "fast", images=len(table), cpu_s_per_MP=seconds / megapixels)
        table = embed(paths, known=table)
        began = time.perf_counter()
        groups = find_similar(table)
        took = time.perf_counter() - began
    version_of = {str(path): number for number, path in enumerate([*photos, *others])}
    version_of |= {str(path): version_of[str(photo)] for path, photo, _ in copies}
    versions = np.array([version_of[path] for path in table["path"]])
    found = np.full(len(table), -1)
    duplicates = groups[groups["kind"] == DUPLICATES]
    found[duplicates["row"]] = duplicates["group"]
    upper = np.triu_indices(len(table), 1)
    same = (versions[:, None] == versions)[upper]
    together = ((found[:, None] == found) & (found >= 0))[upper]
    recall, precision = (same & together).sum() / same.sum(), (same & together).sum() / max(1, together.sum())
    report.add_facts("duplicates", "fast", recall=float(recall), precision=float(precision), seconds=took)
    kind_of = {str(path): kind for path, _, kind in copies}
    missed = Counter(
        kind_of.get(path, "photo") for path in table["path"][(found < 0) & np.isin(versions, range(len(photos)))]
    )
    for kind, count in sorted(missed.items()):
        report.add_facts("in no group", kind, images=count)
    kept = duplicates[duplicates["keep"]]["path"]
    report.add_facts("kept", "the photo itself", share=float(np.mean([path not in kind_of for path in kept])))
    code = report.finish()
    slow = took > MOST_SECONDS * max(1, len(table) / 1000) ** 2 or seconds / megapixels > MOST_SECONDS_PER_MEGAPIXEL
    return int(code or slow or min(recall, precision) < LEAST)


def _images(folder: Path) -> list[Path]:
    return [find.path for find in discover([folder], is_image_name=looks_like_image).finds]


def _copies(photos: list[Path], folder: Path, rng: np.random.Generator) -> list[tuple[Path, Path, str]]:
    """Write the copies; return each with its photo and its kind."""
    copies = []
    for number, photo in enumerate(photos):
        image = PillowImage.fromarray(small_pixels(read(photo), 4000))
        for kind, (copy, suffix, words) in _versions(image, rng).items():
            path = folder / f"{number:04}-{kind}.{suffix}"
            copy.save(path, **words)
            copies.append((path, photo, kind))
    return copies


def _versions(
    image: PillowImage.Image, rng: np.random.Generator
) -> dict[str, tuple[PillowImage.Image, str, dict[str, int]]]:
    def jpeg(copy: PillowImage.Image, quality: int = _QUALITY) -> tuple[PillowImage.Image, str, dict[str, int]]:
        return copy, "jpg", {"quality": quality}

    def resized(factor: float) -> PillowImage.Image:
        return image.resize((max(8, round(image.width * factor)), max(8, round(image.height * factor))))

    def cropped(left: float, top: float, right: float, bottom: float) -> PillowImage.Image:
        width, height = image.size
        return image.crop(
            (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
        )

    def recoloured(copy: PillowImage.Image, amounts: np.ndarray) -> PillowImage.Image:
        changes = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
        for change, amount in zip(changes, amounts, strict=True):
            copy = change(copy).enhance(float(amount))
        return copy

    pixels = np.asarray(image)
    noisy = (pixels + rng.normal(0, 8, pixels.shape)).clip(0, 255).astype(np.uint8)
    one_side = np.roll([0.1, 0, 0, 0], rng.integers(4))
    turn = rng.choice([PillowImage.Transpose.ROTATE_90, PillowImage.Transpose.ROTATE_180])
    mixed = recoloured(cropped(0.07, 0, 0, 0.05).resize((400, 300)), 1 + rng.uniform(-0.15, 0.15, 3))
    return {
        "25 %": jpeg(resized(0.25)),
        "50 %": jpeg(resized(0.5)),
        "200 %": jpeg(resized(2)),
        "quality 30": jpeg(image, 30),
        "quality 60": jpeg(image, 60),
        "quality 95": jpeg(image, 95),
        "one side cropped": jpeg(cropped(*one_side)),
        "four sides cropped": jpeg(cropped(*rng.uniform(0, 0.1, 4))),
        "recoloured": jpeg(recoloured(image, 1 + rng.uniform(-0.15, 0.15, 3))),
        "recoloured by 15 %": jpeg(recoloured(image, 1 + rng.choice([-0.15, 0.15], 3))),
        "noisy": (PillowImage.fromarray(noisy), "png", {"compress_level": 1}),
        "denoised": jpeg(PillowImage.fromarray(denoise(from_numpy(noisy), noise_level=8).pixels)),
        "turned": jpeg(image.transpose(PillowImage.Transpose(turn))),
        "webp": (image, "webp", {"quality": 60}),
        "cropped, recoloured, small": jpeg(mixed),
    }


if __name__ == "__main__":
    sys.exit(main())
