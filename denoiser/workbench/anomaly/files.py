"""From files to a model, and from files and a model to a report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from denoiser import imageio
from denoiser.batch.discover import Discovery, discover
from denoiser.errors import (
    DenoiserError,
    ForeignOutput,
    NothingToDo,
    UnreadableImage,
    UnsafeOutput,
    UnusableData,
    UsageError,
)
from denoiser.events import CancelToken, FileDone, FileFailed, FileStarted, Listener, Started, ignore
from denoiser.options import AnomalyOptions
from denoiser.training.data import bytes_of
from denoiser.workbench.anomaly.detector import AnomalyDetector
from denoiser.workbench.anomaly.pixels import reduced
from denoiser.workbench.anomaly.report import PAGE, Scored, Summary, draw_maps, write_report
from denoiser.workbench.anomaly.scorer import Fitting
from denoiser.workbench.anomaly.storage import load_detector, save_detector

_READING = 20  # images between two reports


@dataclass(frozen=True, slots=True)
class TrainedDetector:
    """A stored detector, and the images that could not be used."""

    detector: AnomalyDetector
    path: Path
    unusable: tuple[DenoiserError, ...]


@dataclass(frozen=True, slots=True)
class FoundAnomalies:
    """The content of a report. *false_alarms* is the share of held-out good images above the threshold."""

    page: Path
    images: tuple[Scored, ...]
    failed: tuple[DenoiserError, ...]
    threshold: float
    false_alarms: float
    held_out: int


def train_detector(
    sources: Sequence[Path],
    out: Path,
    options: AnomalyOptions | None = None,
    *,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> TrainedDetector:
    """Train on the good images in *sources* and write the model *out* (.safetensors) with its card.

    Unreadable images are skipped and returned. Raises UnusableData for too few images, Cancelled if stopped.
    """
    options = options or AnomalyOptions()
    if out.exists():
        raise ForeignOutput(f"{out}: already exists.", hint="Remove it, or choose another --out.")
    fitting = Fitting(options.seed, listener, cancel or CancelToken(), options.steps)
    found = _found(sources, leave_out=None)
    images: list[Tensor] = []
    unusable: list[DenoiserError] = _errors(found)
    began = time.monotonic()
    for number, find in enumerate(found.finds):
        fitting.cancel.raise_if_cancelled()
        if number % _READING == 0:
            fitting.report(f"Reading image {number + 1} of {len(found.finds)}")
        try:
            images.append(reduced(_pixels(find.path), options.size))
        except (UnreadableImage, UnusableData) as error:
            unusable.append(_named(find.path, error))
    detector = AnomalyDetector(options.method, size=options.size, random_state=options.seed)
    detector.fit_reduced(images, fitting)
    facts = {"data": sources[0].name, "seed": options.seed, "minutes": round((time.monotonic() - began) / 60, 1)}
    save_detector(detector, out, facts | {"torch": torch.__version__})
    return TrainedDetector(detector, out, tuple(unusable))


def find_anomalies(
    sources: Sequence[Path],
    model: Path,
    out: Path,
    *,
    threshold: float | None = None,
    false_alarms: float = 0.01,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> FoundAnomalies:
    """Score the images in *sources* with *model* and write a report to the folder *out*.

    Without a *threshold*, it is the one that the share *false_alarms* of good images exceeds. If *cancel* is set,
    the images that are scored are still reported.
    """
    if threshold is not None and not threshold > 0:
        raise UsageError(f"The threshold must be above 0, not {threshold:g}.")
    cancel = cancel or CancelToken()
    _refuse_folder(out, sources)
    detector = load_detector(model)
    limit = detector.threshold(false_alarms) if threshold is None else threshold
    found = _found(sources, leave_out=out)
    failed: list[DenoiserError] = _errors(found)
    scored: list[Scored] = []
    listener(Started(len(found.finds), 0.0))
    for number, find in enumerate(found.finds, 1):
        if cancel.cancelled:
            break
        listener(FileStarted(find.path))
        began = time.monotonic()
        try:
            one = _scored(detector, find.path, out, number, limit)
        except (UnreadableImage, UnusableData) as error:
            failed.append(_named(find.path, error))
            listener(FileFailed(find.path, failed[-1]))
            continue
        scored.append(one)
        facts = {"score": one.score, "anomaly": one.score > limit}
        listener(FileDone(find.path, out / one.heat_map, 0.0, time.monotonic() - began, facts=facts))
    if scored or failed:
        summary = Summary(detector.scorer_.method, limit, detector.good_scores_.tolist())
        write_report(out, scored, [error.message for error in failed], summary)
    rate = detector.false_alarms_at(limit)
    return FoundAnomalies(out / PAGE, tuple(scored), tuple(failed), limit, rate, len(detector.good_scores_))


def _scored(detector: AnomalyDetector, path: Path, out: Path, number: int, limit: float) -> Scored:
    pixels = _pixels(path)
    score, heat = detector.score_and_map(pixels)
    names = draw_maps(out, number, pixels.permute(1, 2, 0).contiguous().numpy(), heat, limit)
    return Scored(path, score, *names)


def _pixels(path: Path) -> Tensor:
    return bytes_of(imageio.read(path))


def _found(sources: Sequence[Path], leave_out: Path | None) -> Discovery:
    found = discover(sources, is_image_name=imageio.formats.is_image_name, leave_out=leave_out)
    if not found.finds and not _errors(found):
        raise NothingToDo(f"{sources[0]}: no image found.", hint="Name image files or a folder of images.")
    return found


def _errors(found: Discovery) -> list[DenoiserError]:
    return [UnreadableImage(f"{one.path}: {one.reason}.") for one in found.skipped if one.is_error]


def _named(path: Path, error: DenoiserError) -> DenoiserError:
    """*error* with the path in front, unless it has one."""
    return (
        error if isinstance(error, UnreadableImage) else UnusableData(f"{path}: {error.message}", hint=error.hint)
    )


def _refuse_folder(out: Path, sources: Sequence[Path]) -> None:
    """Raise a Refused error if *out* is one of the *sources*, or holds something other than a report."""
    if any(out.exists() and source.exists() and out.samefile(source) for source in sources):
        raise UnsafeOutput(f"{out}: is the folder of the images.", hint="Choose another folder for the report.")
    if out.is_dir() and any(out.iterdir()) and not (out / PAGE).exists():
        raise ForeignOutput(f"{out}: is not empty, and contains no report.", hint="Choose another --out.")
