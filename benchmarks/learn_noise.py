"""What learning a camera from its noisy photos alone gains on real pairs, camera by camera.

Cameras are told apart by the first word of the files' names (`Canon80D_…__noisy.jpg`). Only the noisy halves are
learned from; the clean ones measure the gain over the start's weights, both in automatic mode.

    python benchmarks/learn_noise.py --data PAIRS --minutes 2 --json learned.json
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import contract

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.errors import UnusableData
from denoiser.evaluation.samples import Pair, real_pairs
from denoiser.metrics import psnr
from denoiser.options import DenoiseOptions, TrainOptions
from denoiser.training import learn_noise

WORST = -0.05  # dB: no camera's mean may fall by more


def by_camera(folder: Path) -> dict[str, list[Pair]]:
    cameras: dict[str, list[Pair]] = defaultdict(list)
    for pair in real_pairs(folder):
        cameras[Path(pair.scene).name.split("_")[0]].append(pair)
    return dict(cameras)


def scores(model: str, pairs: Sequence[Pair]) -> list[float]:
    """PSNR of each pair's noisy half, cleaned in automatic mode."""
    session = Session(DenoiseOptions(model=model))
    found = []
    for pair in pairs:
        noisy, clean = imageio.read(pair.noisy), imageio.read(pair.clean)
        found.append(psnr(session.clean(noisy).image.pixels, clean.pixels, white=clean.white))
    return found


def learned(pairs: Sequence[Pair], place: Path, options: TrainOptions, data: Path | None) -> str | None:
    """The weights for the camera of *pairs*, or None where there is nothing to learn; what lies there is taken."""
    weights = place / "out" / "denoiser-own-noise.safetensors"
    if not weights.exists():
        (place / "noisy").mkdir(parents=True)
        for pair in pairs:
            shutil.copyfile(pair.noisy, place / "noisy" / pair.noisy.name)
        try:
            report = learn_noise(place / "noisy", place / "out", options, data=data)
        except UnusableData as error:
            print(error, file=sys.stderr, flush=True)
            return None
        verdict = report.validation.description if report.validation else ""
        print(
            report.noise.description, report.training.progress.step, "steps.", verdict, file=sys.stderr, flush=True
        )
    return str(weights)


def main() -> int:
    arguments = contract.parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True, metavar="DIR", help="real pairs")
    arguments.add_argument("--clean", type=Path, metavar="DIR", help="clean photos to train on as well")
    arguments.add_argument("--model", default="auto", help="the weights to start from (auto)")
    arguments.add_argument("--minutes", type=float, default=2.0, help="for each camera (2)")
    arguments.add_argument(
        "--out", type=Path, metavar="DIR", help="keep the weights there, and take those that are"
    )
    arguments.add_argument("--camera", action="append", help="this one alone; may be repeated")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    options = TrainOptions(minutes=words.minutes, seed=words.seed, start=words.model)
    before_all, after_all, worst = [], [], 0.0
    for camera, pairs in by_camera(words.data).items():
        if words.camera and camera not in words.camera:
            continue
        before = scores(words.model, pairs)
        with tempfile.TemporaryDirectory() as passing:
            weights = learned(pairs, (words.out or Path(passing)) / camera, options, words.clean)
            after = scores(weights, pairs) if weights else before
        before_all += before
        after_all += after
        gain = statistics.fmean(after) - statistics.fmean(before)
        worst = min(worst, gain)
        report.add_facts(camera, "as shipped", pairs=len(pairs), psnr=round(statistics.fmean(before), 2))
        least = min(new - old for new, old in zip(after, before, strict=True))
        facts = {"psnr": round(statistics.fmean(after), 2), "gain": round(gain, 2), "least": round(least, 2)}
        report.add_facts(camera, "learned" if weights else "kept", **facts)
        print(camera, facts, file=sys.stderr, flush=True)
    mean = statistics.fmean(after_all) - statistics.fmean(before_all)
    report.add_facts("all pictures", "as shipped", psnr=round(statistics.fmean(before_all), 2))
    report.add_facts("all pictures", "learned", psnr=round(statistics.fmean(after_all), 2), gain=round(mean, 2))
    return report.finish() or int(worst < WORST)


if __name__ == "__main__":
    sys.exit(main())
