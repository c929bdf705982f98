"""The most memory that a process holds which cleans one 8-bit image, from the imports to the result.

`--tiles N` stops after N tiles and adds the rest of the result, which is not written by then.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import contract

# Megapixels, and the most that may be held in MB.
CASES = {1: None, 24: 900, 100: 2500}

_IN_A_PROCESS = """
import json, resource, sys
import numpy as np
from denoiser.engine.session import Session
from denoiser.errors import Cancelled
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions

megapixels, model, tiles = float(sys.argv[1]), sys.argv[2], int(sys.argv[3])
height = round((megapixels * 1e6 / 1.5) ** 0.5)
width = round(height * 1.5)
pixels = np.empty((height, width, 3), np.uint8)
for row in pixels:  # by rows: random numbers of the whole picture would be the peak
    row[:] = np.random.default_rng(0).integers(0, 256, row.shape, dtype=np.uint8)
session = Session(DenoiseOptions(noise_level=25, model=model, device="cpu"))
left, cancel = [1.0], CancelToken()

def heard(event):
    left[0] = 1 - event.done / event.total
    if event.done == tiles:
        cancel.cancel()

try:
    session.clean(from_numpy(pixels), listener=heard, cancel=cancel)
except Cancelled:
    pass
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6 * 1024
print(json.dumps({"peak": peak + left[0] * pixels.nbytes / 1e6, "tile": session.tile, "computed": 1 - left[0]}))
"""


def arguments() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument(
        "--megapixels", type=int, action="append", metavar="N", help="1, 24 and 100; may be repeated"
    )
    parser.add_argument("--model", default="fast", help="the weights (fast)")
    parser.add_argument("--tiles", type=int, default=0, metavar="N", help="stop after N tiles (all)")
    return parser.parse_args()


def peak_of(megapixels: int, words: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-c", _IN_A_PROCESS, str(megapixels), words.model, str(words.tiles)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    words = arguments()
    report = contract.Report(__doc__, words)
    missed = False
    for megapixels in words.megapixels or CASES:
        figures, most = peak_of(megapixels, words), CASES.get(megapixels)
        missed = missed or (most is not None and figures["peak"] > most)
        report.add_facts(
            f"{megapixels} MP, 8 bits",
            words.model,
            **{"peak MB": figures["peak"], "at most MB": most or "-", "tile": figures["tile"]},
            **{"share computed": figures["computed"]},
        )
    sys.exit(report.finish() or int(missed))
