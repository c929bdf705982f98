"""The time of `denoise photo.jpg --out clean.jpg`, start to end, with OpenVINO and with torch.

The bar is that of a photo of one megapixel with the library that `--precision auto` uses.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import contract
import numpy as np
from PIL import Image
from skimage import data

SIDES = {"0.004 MP": 64, "1 MP": 1000}
MOST_SECONDS = 1.3  # for 1 MP


def main() -> int:
    words = contract.parser(__doc__, repeat=9).parse_args()
    report = contract.Report(__doc__, words)
    with tempfile.TemporaryDirectory() as folder:
        # Without compiled Python files, which an installation has, a start takes 0.4 s longer.
        common = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        choices = {"automatic": {"DENOISE_CACHE": f"{folder}/cache"}, "torch": {"DENOISE_CACHE": os.devnull}}
        for case, side in SIDES.items():
            photo = Path(folder) / f"{side}.jpg"
            clean = np.tile(data.astronaut(), (2, 2, 1))[:side, :side]
            noise = report.rng.normal(size=clean.shape) * 12
            Image.fromarray((clean + noise).clip(0, 255).astype(np.uint8)).save(photo, quality=95)
            command = [
                "denoise",
                str(photo),
                "--out",
                f"{folder}/out.jpg",
                "--overwrite",
                "--quiet",
                "--model",
                "fast",
            ]
            calls = {
                name: partial(subprocess.run, command, check=True, env=common | variables)
                for name, variables in choices.items()
            }
            timings = contract.measure(calls, repeat=words.repeat)
            missed = timings["automatic"].median > MOST_SECONDS
            report.add(f"one photo of {case}", timings, against="torch")
    return report.finish() or int(missed)


if __name__ == "__main__":
    sys.exit(main())
