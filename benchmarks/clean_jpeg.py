"""What automatic cleaning does to clean photos that were saved as JPEG, against the PSNR of the JPEG itself.

Photos are scikit-image's, or those of --photos; each is saved at six qualities, in 4:4:4 and in 4:2:0.
"""

from __future__ import annotations

import io
import statistics
import sys
from pathlib import Path

import contract
import numpy as np
import PIL.Image
from skimage import data

from denoiser import imageio, metrics
from denoiser.engine.session import Session
from denoiser.evaluation.samples import clean_images, read_truth
from denoiser.options import DenoiseOptions

QUALITIES = (60, 75, 85, 90, 95, 98)
SMALL_LOSS = -0.05  # dB


def photos(folder: Path | None) -> dict[str, np.ndarray]:
    if folder is None:
        return {name: getattr(data, name)() for name in ("astronaut", "chelsea", "coffee")}
    return {path.stem: read_truth(path) for path in clean_images(folder)}


def gain(session: Session, photo: np.ndarray, quality: int, subsampling: str) -> tuple[float, float]:
    """The gain of cleaning in dB, and the sigma of luma that was estimated."""
    packed = io.BytesIO()
    PIL.Image.fromarray(photo).save(packed, "JPEG", quality=quality, subsampling=subsampling)
    image = imageio.read_bytes(packed.getvalue(), "photo.jpg")
    cleaned = session.clean(image)
    before, after = (metrics.psnr(one.pixels, photo, white=255) for one in (image, cleaned.image))
    return after - before, cleaned.estimate.luma if cleaned.estimate else 0.0


def main() -> int:
    arguments = contract.parser(__doc__, repeat=1)
    arguments.add_argument("--photos", type=Path, metavar="DIR", help="clean photos")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    session = Session(DenoiseOptions())
    clean = photos(words.photos)
    everything = []
    for quality in QUALITIES:
        for subsampling in ("4:4:4", "4:2:0"):
            found = [gain(session, photo, quality, subsampling) for photo in clean.values()]
            everything += found
            _tell(report, f"quality {quality}, {subsampling}", found)
    _tell(report, "all", everything)
    return report.finish()


def _tell(report: contract.Report, case: str, found: list[tuple[float, float]]) -> None:
    gains = [one for one, _ in found]
    report.add_facts(
        case,
        "automatic",
        unharmed=round(statistics.fmean(one >= SMALL_LOSS for one in gains), 3),
        worst=round(min(gains), 2),
        mean=round(statistics.fmean(gains), 3),
        luma=round(statistics.median(luma for _, luma in found), 2),
    )


if __name__ == "__main__":
    sys.exit(main())
