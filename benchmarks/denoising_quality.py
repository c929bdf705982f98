"""PSNR and SSIM of our weights beside non-local means, and BM3D on request, on white noise and on real pairs.

Everything is measured by denoiser.evaluation, as `denoise evaluate denoiser` does; here the figures are put beside
the commit and the machine, and on request into a document, between the lines QUALITY_BEGIN and QUALITY_END.

    python benchmarks/denoising_quality.py --white CBSD68 --pairs PAIRS --clean PHOTOS --into docs/quality.md
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import contract
from skimage import data

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.evaluation.denoising import HARM, NEARLY_EXACT, PAPER_LEVELS, EvaluationPlan, Score, evaluate
from denoiser.evaluation.tables import decibels
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions

QUALITY_BEGIN, QUALITY_END = "<!-- benchmarks/denoising_quality.py begins -->", "<!-- and ends -->"


def arguments() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument(
        "--white", type=Path, metavar="DIR", help="clean pictures (scikit-image's, if none is named)"
    )
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="real pairs")
    parser.add_argument("--clean", type=Path, metavar="DIR", help="clean photos that are to be left alone")
    parser.add_argument("--model", default="fast", help="the weights (fast)")
    parser.add_argument("--level", type=float, action="append", help="sigma (15, 25 and 50); may be repeated")
    parser.add_argument("--limit", type=int, metavar="N", help="N pictures of each folder")
    parser.add_argument("--bm3d", action="store_true", help="with the package bm3d (for non-commercial use)")
    parser.add_argument("--into", type=Path, metavar="FILE", help="put the table into this document")
    return parser.parse_args()


def scores(words: argparse.Namespace, session: Session) -> Iterator[Score]:
    """What there is to say of each folder that was named."""
    baselines = ("nlm", "bm3d") if words.bm3d else ("nlm",)
    levels = tuple(words.level or PAPER_LEVELS)
    with tempfile.TemporaryDirectory() as place:
        jobs: list[tuple[Path, EvaluationPlan]] = []
        if words.white or not (words.pairs or words.clean):
            folder = words.white or own_photos(Path(place))
            wanted = EvaluationPlan("white", levels, automatic=True, baselines=baselines, limit=words.limit)
            jobs.append((folder, wanted))
        if words.pairs:
            jobs.append((words.pairs, EvaluationPlan("pairs", baselines=baselines, limit=words.limit)))
        if words.clean:
            jobs.append((words.clean, EvaluationPlan("untouched", limit=words.limit)))
        for folder, wanted in jobs:
            for measured in evaluate(session, folder, wanted, progress=lambda _name: None, cancel=CancelToken()):
                yield from measured.scores


def own_photos(folder: Path) -> Path:
    """Photos that scikit-image brings along, so that the script needs nothing from outside."""
    for name in ("astronaut", "chelsea", "coffee", "cat"):
        imageio.write(from_numpy(getattr(data, name)()), folder / f"{name}.png")
    return folder


def facts(score: Score) -> dict[str, float | int | str]:
    """The figures of a score that a row of the report shows."""
    found: dict[str, float | int | str] = {"psnr": round(score.psnr, 2), "ssim": round(score.ssim, 4)}
    if score.kind == "untouched":
        return found | {"median": round(score.median_psnr, 2), f"at {NEARLY_EXACT:g} dB": score.nearly_exact}
    return found | {"gain": round(score.gain, 2), "harmed": len(score.harmed)}


def markdown(found: list[Score], head: str) -> str:
    """The table for a document: a column for each set, a row for each cleaner, and below what was measured on."""
    noisy = [score for score in found if score.kind != "untouched"]
    sets = list(dict.fromkeys(score.what for score in noisy))
    rows: dict[str, dict[str, str]] = {"as it is": {}}
    for score in noisy:
        rows["as it is"][score.what] = decibels(score.noisy_psnr)
        name = re.sub(r" \([^)]*\)$", "", score.label)  # the strength differs from set to set
        rows.setdefault(name, {})[score.what] = f"{decibels(score.psnr)} · {score.ssim:.3f}"
    lines = []
    if sets:
        lines += [f"| PSNR in dB · SSIM | {' | '.join(sets)} |", f"|---|{'---|' * len(sets)}"]
        lines += [f"| {name} | {' | '.join(row.get(what, '–') for what in sets)} |" for name, row in rows.items()]
        lines.append("")
    lines += [f"- {remark(score)}" for score in found if score.best_of == 1 and score.kind != "white"]
    return "\n".join([*lines, "", head]).replace("\n\n\n", "\n\n")


def remark(score: Score) -> str:
    count = len(score.images)
    if score.kind == "untouched":
        return (
            f"Clean photos, {score.label}: {score.nearly_exact} of {count} at {NEARLY_EXACT:g} dB or more against "
            f"themselves, median {decibels(score.median_psnr)}."
        )
    return f"Real pairs, {score.label}: {len(score.harmed)} of {count} below their input by more than {HARM:g} dB."


def put(table: str, document: Path) -> None:
    """Replaces what stands between the two lines in *document*."""
    before, after = around(document)
    document.write_text(f"{before}{QUALITY_BEGIN}\n{table}\n{QUALITY_END}{after}", encoding="utf-8")


def around(document: Path) -> tuple[str, str]:
    """What stands before and after the table in *document*; ends the program where there is no place for one."""
    before, begins, rest = document.read_text(encoding="utf-8").partition(QUALITY_BEGIN)
    _, ends, after = rest.partition(QUALITY_END)
    if not (begins and ends):
        sys.exit(f"{document}: has no lines {QUALITY_BEGIN} and {QUALITY_END}")
    return before, after


def main() -> int:
    words = arguments()
    if words.into:
        around(words.into)  # before hours are spent
    report = contract.Report(__doc__, words)
    session = Session(DenoiseOptions(model=words.model))
    found = []
    for score in scores(words, session):
        report.add_facts(f"{score.what}, {len(score.images)} pictures", score.label, **facts(score))
        found.append(score)
    if words.into:
        told = report.as_json()
        counts = ", ".join(dict.fromkeys(f"{score.what}: {len(score.images)}" for score in found))
        head = f"Images: {counts}. Commit {told['commit']['name']}, {told['hardware']['cpu']}, {session.precision}."
        put(markdown(found, head), words.into)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
