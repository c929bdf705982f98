"""One call from a folder of photos to the weights of the noise estimator, their card, and validation results.

The training samples are kept in one safetensors file, with all that is needed to make more of them. They take ten
minutes, training takes one, so another seed reuses them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from denoiser.atomicfile import whole_file
from denoiser.errors import Cancelled, UnreadableImage, UnusableData, UsageError
from denoiser.estimation import estimate_noise
from denoiser.evaluation.noise_reading import ReadingVerdict, judge_readings
from denoiser.events import CancelToken, Listener, TrainingProgress, ignore
from denoiser.networks.estimator import NoiseReader
from denoiser.options import EstimatorOptions
from denoiser.training.data import HINT, PhotoPool, Reading, load_photos, picture_paths
from denoiser.training.estimator import AT_ONCE, PATCH, Lessons, export_estimator, make_lessons, train_estimator
from denoiser.training.export import processor

_TELL_EVERY = 10.0  # seconds
_STEP = 0.15  # of the time that a crop takes


class EstimatorProgress:
    """Tells *listener* of crops that became lessons and of steps that were learned, as parts of one work.

    *made* crops were there before; their time does not count towards the time left.
    """

    def __init__(self, listener: Listener, options: EstimatorOptions, made: int) -> None:
        self._listener, self._options = listener, options
        self._before = min(made, options.crops)
        self._began = time.monotonic()
        self._told = -math.inf

    def made(self, crops: int) -> None:
        """So many crops are lessons."""
        wanted = self._options.crops
        crops = min(crops, wanted)
        self._tell(crops, 0, math.nan, f"lessons from {crops:,} of {wanted:,} crops", last=crops == wanted)

    def learned(self, step: int, loss: float) -> None:
        """So many steps are done, the last ones with this mean loss."""
        wanted = self._options.steps
        note = f"step {step:,} of {wanted:,}, loss {loss:.3f}"
        self._tell(self._options.crops, step, loss, note, last=step == wanted)

    def _tell(self, crops: int, step: int, loss: float, note: str, *, last: bool) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_EVERY and not last:
            return
        self._told = now
        done, whole = crops + _STEP * step, self._options.crops + _STEP * self._options.steps
        left = (now - self._began) / max(done - self._before, 1) * (whole - done)
        self._listener(
            TrainingProgress(
                step=step,
                loss=loss,
                fraction=done / whole,
                seconds_left=left,
                megapixels_per_second=math.nan,
                note=f"{note}; about {math.ceil(left / 60)} min left" if left >= 1 else note,
            )
        )


_PORTION = 10 * AT_ONCE  # crops: a second, within which a stop is heard
_COLUMNS = tuple(column.name for column in dataclasses.fields(Lessons))


@dataclass(slots=True)
class LessonBook:
    """Lessons as far as they are written; the same however often it was put aside in between."""

    seed: int
    photos: str  # what the photos are known by
    crops: int = 0  # that are done
    seconds: float = 0.0  # that they took
    generator: torch.Generator = field(default_factory=torch.Generator)
    parts: list[Lessons] = field(default_factory=list)

    @classmethod
    def begun(cls, seed: int, photos: str) -> LessonBook:
        """An empty one."""
        return cls(seed, photos, generator=torch.Generator().manual_seed(seed))

    def write_on(self, pool: PhotoPool, crops: int) -> None:
        """Makes lessons of some more crops of *pool*, towards *crops* in all."""
        count = min(_PORTION, crops - self.crops)
        self.parts.append(make_lessons(pool, count, self.generator))
        self.crops += -(-count // AT_ONCE) * AT_ONCE

    @property
    def lessons(self) -> Lessons:
        """All of them."""
        return Lessons(*(torch.cat([getattr(part, name) for part in self.parts]) for name in _COLUMNS))

    def save(self, path: Path) -> None:
        """Replaces *path*, whole or not at all."""
        self.parts = [self.lessons]
        tensors = {name: getattr(self.parts[0], name).contiguous() for name in _COLUMNS}
        known = {"seed": self.seed, "photos": self.photos, "crops": self.crops, "seconds": self.seconds}
        with whole_file(path) as file:
            file.write(
                save(tensors | {"generator": self.generator.get_state()}, metadata={"book": json.dumps(known)})
            )


def open_book(path: Path) -> LessonBook:
    """The book that was saved as *path*; UnusableData when it is none."""
    try:
        with safe_open(path, framework="pt") as file:
            known = json.loads(file.metadata()["book"])
            generator = torch.Generator()
            generator.set_state(file.get_tensor("generator"))
            lessons = Lessons(*(file.get_tensor(name) for name in _COLUMNS))
        return LessonBook(**known, generator=generator, parts=[lessons])
    except (SafetensorError, OSError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise UnusableData(
            f"{path}: no lessons ({error}).", hint="Start afresh in another --out folder."
        ) from error


def known_by(paths: Sequence[Path], folder: Path) -> str:
    """A digest of the names and sizes of the files in *paths*, wherever *folder* lies."""
    lines = [f"{path.relative_to(folder).as_posix()} {_size(path)}\n" for path in paths]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _size(path: Path) -> int:
    return (
        path.stat().st_size if path.exists() else 0
    )  # a link may lead nowhere; its picture is named when it is read


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
