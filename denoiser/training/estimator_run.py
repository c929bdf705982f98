"""One call from a folder of photos to the weights of the noise estimator, their card, and what held-out photos say.

photos ─► lessons, saved ─► a reader that learned them, saved ─► judged on held-out photos, which goes on its card
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from denoiser.errors import Cancelled, UnreadableImage, UsageError
from denoiser.estimation import estimate_noise
from denoiser.evaluation.noise_reading import ReadingVerdict, judge_readings
from denoiser.events import CancelToken, Listener, ignore
from denoiser.networks.estimator import NoiseReader
from denoiser.options import EstimatorOptions
from denoiser.training.data import HINT, PhotoPool, load_photos, picture_paths
from denoiser.training.estimator import AT_ONCE, PATCH, Lessons, export_estimator, train_estimator
from denoiser.training.estimator_progress import EstimatorProgress
from denoiser.training.export import processor
from denoiser.training.lesson_file import LessonBook, known_by, open_book
from denoiser.training.reading import Reading

WEIGHTS, LESSONS = "estimator.safetensors", "lessons.safetensors"
_SAVE_EVERY = 120.0  # seconds of making lessons: what a killed run may lose


@dataclass(frozen=True, slots=True)
class EstimatorReport:
    """What a training of the estimator left behind; *verdict* is None where nothing was held out."""

    weights: Path
    crops: int
    lessons: int
    minutes: float  # of making lessons, earlier sittings counted in, and of learning
    unreadable: tuple[UnreadableImage, ...]
    verdict: ReadingVerdict | None


def estimator_from_photos(
    data: Path,
    out: Path,
    options: EstimatorOptions | None = None,
    *,
    listener: Listener = ignore,
    loading: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> EstimatorReport:
    """Makes lessons from the photos below *data*, learns them, and judges; all it makes goes to the folder *out*.

    *cancel* ends it within seconds as Cancelled, whose message says what is kept. With ``resume`` the lessons in
    *out* are taken, more are made where they are fewer than wanted, and learning begins anew, by its own seed.
    """
    options, cancel = options or EstimatorOptions(), cancel or CancelToken()
    sitting = _Sitting(out, options, cancel, _book(data, out, options))
    try:
        photos = load_photos(data, seed=sitting.book.seed, smallest=PATCH, reading=Reading(loading, cancel))
        progress = EstimatorProgress(listener, options, sitting.book.crops)
        lessons = sitting.make(photos, progress)
        reader = sitting.learn(lessons, progress, data)
        verdict = sitting.judge(reader, photos)
    except Cancelled as error:
        hint = "The same call with --resume goes on." if sitting.book.crops else ""
        raise Cancelled(f"Stopped: {sitting.kept}.", hint=hint) from error
    return EstimatorReport(
        weights=out / WEIGHTS,
        crops=sitting.book.crops,
        lessons=len(lessons.luma),
        minutes=sitting.minutes,
        unreadable=photos.unreadable,
        verdict=verdict,
    )


def _book(data: Path, out: Path, options: EstimatorOptions) -> LessonBook:
    """The lessons to go on with, or an empty book; raises what can be known before anything is read."""
    photos = known_by(picture_paths(data, hint=HINT), data)
    if not options.resume:
        _refuse_used(out)
        return LessonBook.begun(options.seed, photos)
    if not (out / LESSONS).exists():
        raise UsageError(f"{out} holds no lessons to go on with.", hint="Leave out --resume to make some.")
    book = open_book(out / LESSONS)
    if book.photos != photos:
        raise UsageError(
            f"{out}: its lessons were made from other photos than those below {data}.",
            hint="Name the same --data as before, with the same pictures in it, or choose another --out.",
        )
    if book.crops >= options.crops + AT_ONCE:
        raise UsageError(
            f"{out} holds lessons from {book.crops:,} crops, more than {options.crops:,}.",
            hint=f"Say --crops {book.crops}, or choose another --out.",
        )
    return book


def _refuse_used(out: Path) -> None:
    if (out / LESSONS).exists():
        raise UsageError(
            f"{out} holds lessons already.", hint="Add --resume to go on with them, or choose another --out."
        )
    for name in (WEIGHTS, "state.safetensors"):  # weights that were made elsewhere, a run of another network
        if (out / name).exists():
            raise UsageError(f"{out} holds another run already ({name}).", hint="Choose another --out.")


@dataclass(slots=True)
class _Sitting:
    """The beats of one call, and what a stop leaves behind at any time."""

    out: Path
    options: EstimatorOptions
    cancel: CancelToken
    book: LessonBook
    card: dict[str, str | int | float] = field(default_factory=dict)  # empty until the weights are written
    minutes: float = math.nan

    @property
    def kept(self) -> str:
        """In words."""
        if self.card:
            return f"the weights are in {self.out / WEIGHTS}, and were not judged"
        if self.book.crops >= self.options.crops:
            return f"all lessons are kept in {self.out / LESSONS}, and learning them begins anew"
        if self.book.crops:
            made = f"lessons from {self.book.crops:,} of {self.options.crops:,} crops"
            return f"{made} are kept in {self.out / LESSONS}"
        return "nothing was made yet"

    def make(self, photos: PhotoPool, progress: EstimatorProgress) -> Lessons:
        """The lessons, all of them; what was made is saved, also when it is stopped."""
        saved = -math.inf  # at once, so that a disk that takes nothing is known before minutes are spent
        before = self.book.crops
        while self.book.crops < self.options.crops and not self.cancel.cancelled:
            began = time.monotonic()
            self.book.write_on(photos, self.options.crops)
            self.book.seconds += time.monotonic() - began
            progress.made(self.book.crops)
            if time.monotonic() - saved >= _SAVE_EVERY:
                self.book.save(self.out / LESSONS)
                saved = time.monotonic()
        if self.book.crops > before:
            self.book.save(self.out / LESSONS)
        self.cancel.raise_if_cancelled()
        return self.book.lessons

    def learn(self, lessons: Lessons, progress: EstimatorProgress, data: Path) -> NoiseReader:
        """The reader that learned *lessons*; its weights are written."""

        def on_step(step: int, loss: float) -> None:
            self.cancel.raise_if_cancelled()
            progress.learned(step, loss)

        began = time.monotonic()
        reader = train_estimator(lessons, seed=self.options.seed, steps=self.options.steps, on_step=on_step)
        self.minutes = (self.book.seconds + time.monotonic() - began) / 60
        self.card = {
            "recipe": "denoiser.training.estimator: docs/estimation.md",
            "data": data.name or str(data),
            "crops": self.book.crops,
            "lessons": len(lessons.luma),
            "lessons_seed": self.book.seed,
            "seed": self.options.seed,
            "steps": self.options.steps,
            "minutes": round(self.minutes, 1),
            "hardware": f"{processor('cpu')}, fp32",
        }
        export_estimator(reader, self.out / WEIGHTS, self.card)
        return reader

    def judge(self, reader: NoiseReader, photos: PhotoPool) -> ReadingVerdict | None:
        """What held-out photos say of *reader*, which goes on its card."""
        if not photos.held_out:
            return None
        pictures = {str(number): photo.permute(1, 2, 0).numpy() for number, photo in enumerate(photos.held_out)}
        verdict = judge_readings(pictures, partial(estimate_noise, reader=reader), cancel=self.cancel)
        export_estimator(reader, self.out / WEIGHTS, self.card, _metrics(verdict))
        return verdict


def _metrics(verdict: ReadingVerdict) -> dict[str, float]:
    """As they stand on the card: read over true, and how many photos read as clean."""
    metrics = {}
    for white in verdict.white:
        metrics[f"held_out_white_{white.level:g}_luma"] = round(white.luma.ratio, 2)
        metrics[f"held_out_white_{white.level:g}_chroma"] = round(white.chroma.ratio, 2)
    return metrics | {"held_out_photos": len(verdict.untouched), "held_out_photos_read_as_clean": verdict.clean}
