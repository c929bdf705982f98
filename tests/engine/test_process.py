"""What only a process of its own can show: memory that runs out, and how much is held at most."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and reads its memory as Linux does")

_HEAD = """
import json, resource, sys
import numpy as np
from denoiser.engine.session import Session
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions

def of_status(key):
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith(key))

def picture(height, width, seed=0):
    row = np.random.default_rng(seed).integers(0, 256, (1, width, 3), dtype=np.uint8)
    column = (np.arange(height) % 251).astype(np.uint8)[:, None, None]
    return from_numpy(row ^ column)
"""


def _in_a_process(code: str, *words: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", _HEAD + code, *words],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
@pytest.mark.parametrize(("library", "room"), [("torch", (72, 70, 74)), ("openvino", (34, 30, 26))])
def test_a_real_shortage_of_memory_ends_in_smaller_tiles_and_a_note(library, room):
    # 0.3 MP of a tile take 70 MB in the shipped network by torch, a tile of 256 takes 16. What the allocator has
    # left over varies from one process to the next by tens of MB: one of three must show it.
    seen = [_with_room(megabytes, library) for megabytes in room]
    tile, notes = min(seen)
    assert tile < 1024, seen  # the default
    assert "memory ran out" in notes[0]


def _with_room(megabytes: int, library: str) -> tuple[int, list[str]]:
    """The tile and the notes of an image that is cleaned in so much memory; a huge tile where none fits."""
    try:
        said = _in_a_process(
            f"""
import os
if {library == "torch"}:
    os.environ["DENOISE_CACHE"] = os.devnull
session = Session(DenoiseOptions(device="cpu", precision="fp32", noise_level=25))
session.clean(picture(64, 64))  # threads and scratch memory are there
resource.setrlimit(resource.RLIMIT_AS, (of_status("VmSize:") + ({megabytes} << 20), -1))
cleaned = session.clean(picture(500, 600))
print(json.dumps({{"tile": cleaned.tile, "notes": cleaned.notes}}))
"""
        )
    except AssertionError as error:
        if "not enough memory for a single tile" not in str(error):
            raise
        return 10_000, []
    return said["tile"], said["notes"]


@pytest.mark.long
def test_a_hundred_megapixels_are_cleaned_within_their_ceiling_and_without_a_seam(tiny_weights):
    said = _in_a_process(
        """
from denoiser.models import catalog, loading
sys.path.append("tests/reference")
from reference_denoiser import clean_whole
from denoiser.estimation.estimator import estimate_noise
from denoiser.estimation.policy import at_level, present_noise

weights = sys.argv[1]
session = Session(DenoiseOptions(model=weights, device="cpu", precision="fp32", noise_level=25))
source = picture(10_007, 9_973)
cleaned = session.clean(source)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
network = loading.load(catalog.find(weights, "cpu")).network
estimate = estimate_noise(source)
condition, noise = at_level(estimate, 25), present_noise(estimate, 25)
worst = 0
for y, x in ((600, 700), (648, 728), (5000, 4000), (9600, 9500)):
    window = source.pixels[y : y + 256, x : x + 256].astype(np.float32) / 255
    wanted = clean_whole(network, window, condition, noise)[64:192, 64:192] * 255
    got = cleaned.image.pixels[y + 64 : y + 192, x + 64 : x + 192]
    worst = max(worst, float(np.abs(np.clip(np.rint(wanted), 0, 255) - got).max()))
print(json.dumps({"peak": peak, "worst": worst}))
""",
        str(tiny_weights),
    )
    assert said["peak"] < 2.5e9
    assert said["worst"] <= 1
