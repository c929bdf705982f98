"""Lessons that are put aside are the same afterwards, and so are those that are made then."""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from denoiser.errors import UnusableData
from denoiser.training import lesson_file
from denoiser.training.data import PhotoPool
from denoiser.training.estimator import make_lessons
from denoiser.training.lesson_file import LessonBook, known_by, open_book


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch):
    monkeypatch.setattr(lesson_file, "_PORTION", 4)


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
