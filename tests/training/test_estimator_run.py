"""From a folder of photos to the weights of an estimator, stopped anywhere and gone on with."""

import dataclasses
from functools import partial

import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from denoiser import imageio
from denoiser.errors import Cancelled, UnusableData, UsageError
from denoiser.estimation import estimate_noise, open_reader
from denoiser.evaluation.noise_reading import judge_readings
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.models import read_card
from denoiser.options import EstimatorOptions
from denoiser.training import estimator_run
from denoiser.training.data import PhotoPool, load_photos
from denoiser.training.estimator import PATCH, make_lessons, train_estimator
from denoiser.training.estimator_run import (
    LESSONS,
    WEIGHTS,
    EstimatorProgress,
    LessonBook,
    estimator_from_photos,
    known_by,
    open_book,
)

FEW = EstimatorOptions(crops=40, steps=200, seed=3)
GO_ON = EstimatorOptions(crops=40, steps=200, seed=3, resume=True)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Five crops of a photo; one of them is held out."""
    folder = tmp_path_factory.mktemp("estimator") / "photos"
    folder.mkdir()
    for number in range(5):
        crop = data.astronaut()[number * 20 : number * 20 + 300, :300]
        imageio.write(from_numpy(crop), folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def whole(photos):
    """A run that nothing disturbed: its folder and its report."""
    out = photos.parent / "whole"
    return out, estimator_from_photos(photos, out, FEW)


@pytest.fixture
def copied(whole, tmp_path):
    """The lessons of that run in a folder of their own."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LESSONS).write_bytes((whole[0] / LESSONS).read_bytes())
    return tmp_path / "run"


def stops_at(seen):
    """A token, and a listener that cancels it as soon as *seen* is true of an event."""
    token = CancelToken()
    return token, lambda event: token.cancel() if seen(event) else None


def judged(photos, weights):
    """What *weights* read of the photo that seed 3 holds out."""
    held_out = load_photos(photos, seed=3, smallest=PATCH).held_out
    assert len(held_out) == 1
    reader = open_reader(str(weights)) if weights else None
    return judge_readings({"0": held_out[0].permute(1, 2, 0).numpy()}, partial(estimate_noise, reader=reader))


def test_the_weights_are_what_the_lessons_teach(whole):
    out, report = whole
    lessons = open_book(out / LESSONS).lessons
    taught = train_estimator(lessons, seed=3, steps=200).state_dict()
    assert report.weights == out / WEIGHTS and report.lessons == len(lessons.luma) > 100
    reader = open_reader(str(report.weights)).state_dict()
    assert all(torch.equal(reader[name], taught[name]) for name in taught)


def test_the_verdict_is_that_of_these_weights_on_the_held_out_photo(whole, photos):
    _, report = whole
    assert report.verdict == judged(photos, report.weights)
    assert report.verdict != judged(photos, None)  # of the shipped weights
    assert 0.6 < report.verdict.white[-2].luma.ratio < 1.6  # it learned something


def test_the_card_says_what_was_done_and_found(whole):
    out, report = whole
    card = read_card((out / WEIGHTS).with_suffix(".toml"))
    told = [card.training[name] for name in ("data", "crops", "lessons", "lessons_seed", "seed", "steps")]
    assert told == ["photos", 40, report.lessons, 3, 3, 200]
    assert card.metrics["held_out_white_25_luma"] == round(report.verdict.white[4].luma.ratio, 2)
    assert (card.metrics["held_out_photos"], card.metrics["held_out_photos_read_as_clean"]) == (
        1,
        report.verdict.clean,
    )


def test_another_seed_learns_from_the_same_lessons(copied, photos, whole, monkeypatch):
    def make(*_words):
        raise AssertionError("the lessons are there")

    monkeypatch.setattr(estimator_run, "make_lessons", make)
    before = (copied / LESSONS).read_bytes()
    report = estimator_from_photos(photos, copied, EstimatorOptions(crops=40, steps=200, seed=5, resume=True))
    assert (copied / LESSONS).read_bytes() == before
    assert (copied / WEIGHTS).read_bytes() != (whole[0] / WEIGHTS).read_bytes()
    training = read_card((copied / WEIGHTS).with_suffix(".toml")).training
    assert (training["lessons_seed"], training["seed"]) == (3, 5)
    assert report.verdict == judged(photos, report.weights)  # on what the lessons have not seen, as before


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(photos, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(estimator_run, "_PORTION", 8)
    monkeypatch.setattr(estimator_run, "_TELL_EVERY", 0)
    out = tmp_path / "run"
    token, listener = stops_at(lambda event: "16 of 40" in event.note)
    with pytest.raises(Cancelled, match=r"lessons from 16 of 40 crops are kept in .*safetensors") as stopped:
        estimator_from_photos(photos, out, FEW, listener=listener, cancel=token)
    assert "--resume" in stopped.value.hint
    assert [file.name for file in out.iterdir()] == [LESSONS] and open_book(out / LESSONS).crops == 16
    estimator_from_photos(photos, out, GO_ON)
    assert (out / WEIGHTS).read_bytes() == (whole[0] / WEIGHTS).read_bytes()


def test_a_stop_while_it_learns_keeps_the_lessons(copied, photos):
    token, listener = stops_at(lambda event: event.step == 100)
    with pytest.raises(Cancelled, match="all lessons are kept"):
        estimator_from_photos(photos, copied, GO_ON, listener=listener, cancel=token)
    assert not (copied / WEIGHTS).exists()


def test_a_stop_while_it_is_judged_keeps_the_weights(copied, photos, whole, monkeypatch):
    token = CancelToken()

    def judge(*words, cancel):
        token.cancel()
        return judge_readings(*words, cancel=cancel)

    monkeypatch.setattr(estimator_run, "judge_readings", judge)
    with pytest.raises(Cancelled, match=r"the weights are in .*, and were not judged"):
        estimator_from_photos(photos, copied, GO_ON, cancel=token)
    assert (copied / WEIGHTS).read_bytes() == (whole[0] / WEIGHTS).read_bytes()
    assert read_card((copied / WEIGHTS).with_suffix(".toml")).metrics == {}


def test_a_stop_while_photos_are_read_leaves_nothing(photos, tmp_path):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled, match="nothing was made yet") as stopped:
        estimator_from_photos(photos, tmp_path / "run", FEW, cancel=token)
    assert stopped.value.hint == "" and not (tmp_path / "run").exists()


def test_what_was_made_is_saved_from_time_to_time(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(estimator_run, "_PORTION", 8)
    monkeypatch.setattr(estimator_run, "_SAVE_EVERY", 0)
    crops = []
    monkeypatch.setattr(estimator_run.LessonBook, "save", lambda book, path: crops.append((book.crops, path.name)))
    estimator_from_photos(photos, tmp_path / "run", EstimatorOptions(crops=40, steps=1))
    assert crops == [*((made, LESSONS) for made in (8, 16, 24, 32, 40)), (40, LESSONS)]


@pytest.mark.parametrize("name", [LESSONS, WEIGHTS, "state.safetensors"])
def test_a_folder_with_a_run_in_it_is_refused(photos, tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(UsageError, match="already"):
        estimator_from_photos(photos, tmp_path, FEW)
    assert (tmp_path / name).read_bytes() == b"mine"


def test_there_must_be_something_to_go_on_with(photos, tmp_path):
    with pytest.raises(UsageError, match="no lessons to go on with"):
        estimator_from_photos(photos, tmp_path, GO_ON)


def test_lessons_of_other_photos_are_not_taken(copied, photos, tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "0.png").write_bytes((photos / "0.png").read_bytes())
    with pytest.raises(UsageError, match="made from other photos"):
        estimator_from_photos(tmp_path / "others", copied, GO_ON)


def test_fewer_crops_than_there_are_cannot_be_taken(copied, photos):
    book = open_book(copied / LESSONS)
    book.crops = 80
    book.save(copied / LESSONS)
    with pytest.raises(UsageError, match=r"lessons from 80 crops, more than 40") as refused:
        estimator_from_photos(photos, copied, GO_ON)
    assert "--crops 80" in refused.value.hint


@pytest.mark.parametrize(("side", "count"), [(PATCH - 1, 2), (PATCH, 0)])
def test_photos_that_are_none_or_too_small_are_said_to_be(tmp_path, side, count):
    (tmp_path / "photos").mkdir()
    for number in range(count):
        imageio.write(from_numpy(data.astronaut()[:side, :side]), tmp_path / "photos" / f"{number}.png")
    said = rf"no readable picture of 264 pixels or more on each side \({count} files seen\)"
    with pytest.raises(UnusableData, match=said):
        estimator_from_photos(tmp_path / "photos", tmp_path / "run", FEW)


def test_without_held_out_photos_there_is_no_verdict(photos, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.png").write_bytes((photos / "0.png").read_bytes())
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    report = estimator_from_photos(tmp_path / "photos", tmp_path / "run", FEW)
    assert report.verdict is None and report.weights.exists()
    assert ["broken.png" in error.message for error in report.unreadable] == [True]


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch):
    monkeypatch.setattr(estimator_run, "_PORTION", 4)


@pytest.fixture
def pool():
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
    return PhotoPool((photo,), torch.ones(1), (), ())


def same(one, two):
    return all(torch.equal(getattr(one, f.name), getattr(two, f.name)) for f in dataclasses.fields(one))


def test_a_book_goes_on_as_if_it_had_never_been_put_aside(pool, tmp_path):
    book = LessonBook.begun(7, "photos")
    book.write_on(pool, 10)
    book.seconds = 1.5
    book.save(tmp_path / "lessons.safetensors")
    book = open_book(tmp_path / "lessons.safetensors")
    assert (book.seed, book.photos, book.crops, book.seconds) == (7, "photos", 4, 1.5)
    while book.crops < 10:
        book.write_on(pool, 10)
    assert book.crops == 12  # of so many or none
    assert same(book.lessons, make_lessons(pool, 12, torch.Generator().manual_seed(7)))


def test_saving_changes_nothing(pool, tmp_path):
    book = LessonBook.begun(7, "photos")
    for _ in range(2):
        book.write_on(pool, 8)
    before = book.lessons
    book.save(tmp_path / "lessons.safetensors")
    assert same(book.lessons, before) and same(open_book(tmp_path / "lessons.safetensors").lessons, before)


def test_another_file_is_no_book(tmp_path):
    (tmp_path / "words.safetensors").write_bytes(b"words")
    save_file({"features": torch.zeros(1)}, tmp_path / "weights.safetensors", metadata={"architecture": "x"})
    for name in ("words", "weights", "missing"):
        with pytest.raises(UnusableData, match=rf"{name}.safetensors: no lessons"):
            open_book(tmp_path / f"{name}.safetensors")


def test_photos_are_known_by_names_and_sizes_wherever_they_lie(tmp_path):
    def known(folder, **files):
        (tmp_path / folder).mkdir()
        for name, content in files.items():
            (tmp_path / folder / name).write_bytes(content)
        return known_by([tmp_path / folder / name for name in files], tmp_path / folder)

    first = known("here", a=b"12", b=b"3")
    assert known("there", a=b"45", b=b"6") == first
    assert len({first, known("longer", a=b"123", b=b"3"), known("renamed", a=b"12", c=b"3")}) == 3
    (tmp_path / "here" / "lost").symlink_to("nowhere")
    assert known_by([tmp_path / "here" / "lost"], tmp_path / "here")


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(estimator_run.time, "monotonic", lambda: now[0])
    return now


def test_it_goes_from_nothing_to_all_of_the_work(clock):
    events = []
    progress = EstimatorProgress(events.append, EstimatorOptions(crops=1000, steps=2000), 0)
    for crops in (40, 520, 1002):
        clock[0] += 60
        progress.made(crops)
    for step in (1000, 2000):
        clock[0] += 60
        progress.learned(step, 0.5)
    assert [event.note for event in events] == [
        "lessons from 40 of 1,000 crops; about 32 min left",
        "lessons from 520 of 1,000 crops; about 3 min left",
        "lessons from 1,000 of 1,000 crops; about 1 min left",
        "step 1,000 of 2,000, loss 0.500; about 1 min left",
        "step 2,000 of 2,000, loss 0.500",
    ]
    fractions = [event.fraction for event in events]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert [event.step for event in events] == [0, 0, 0, 1000, 2000]


def test_it_does_not_chatter(clock):
    events = []
    progress = EstimatorProgress(events.append, EstimatorOptions(crops=1000, steps=2000), 0)
    for crops in range(40, 1001, 40):
        clock[0] += 1
        progress.made(crops)
    assert len(events) == 4  # the first, two after ten seconds each, the last


def test_what_was_there_before_is_not_taken_for_speed(clock):
    events = []
    progress = EstimatorProgress(events.append, EstimatorOptions(crops=1000, steps=1), 900)
    clock[0] += 60
    progress.made(950)
    assert events[0].seconds_left == pytest.approx(60, rel=0.01)
