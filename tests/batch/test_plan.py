"""What can be known and refused before a pixel is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

import pytest

from denoiser.batch import Settings, make_plan
from denoiser.errors import Cancelled, ForeignOutput, NothingToDo, UnsafeOutput, UsageError
from denoiser.events import CancelToken
from denoiser.options import BatchOptions, WriteOptions

Maker = Callable[..., Path]


def targets(plan) -> list[str]:
    return [job.target.as_posix() for job in plan.jobs]


@pytest.fixture
def tree(tmp_path: Path, make_picture: Maker, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("in/b.jpg", "in/a.png", "in/sub/c.webp"):
        make_picture(Path(name))
    return tmp_path


def test_the_tree_is_mirrored_with_its_megapixels(tree: Path) -> None:
    plan = make_plan("in", "out")
    assert targets(plan) == ["out/a.png", "out/b.jpg", "out/sub/c.webp"]
    assert plan.megapixels == pytest.approx(3 * 24 * 24 / 1e6)
    assert not Path("out").exists()


def test_the_format_is_that_of_the_bytes_unless_asked_for(tree: Path) -> None:
    Path("in/a.png").rename("in/a.jpg")
    assert targets(make_plan("in", "out")) == ["out/a.png", "out/b.jpg", "out/sub/c.webp"]
    converted = make_plan("in", "out", Settings(write=WriteOptions(format="tiff")))
    assert targets(converted) == ["out/a.tif", "out/b.tif", "out/sub/c.tif"]


def test_what_is_there_and_nobody_knows_is_refused_by_name_unless_overwritten(
    tree: Path, make_picture: Maker
) -> None:
    make_picture(Path("out/a.png"))
    plan = make_plan("in", "out")
    assert targets(plan) == ["out/b.jpg", "out/sub/c.webp"] and not plan.already_there
    ((job, error),) = plan.blocked
    assert job.source.as_posix() == "in/a.png" and isinstance(error, ForeignOutput)
    assert error.message == "out/a.png: already exists, and no record shows that it was made from in/a.png."
    again = make_plan("in", "out", Settings(batch=BatchOptions(overwrite=True)))
    assert targets(again) == ["out/a.png", "out/b.jpg", "out/sub/c.webp"] and not again.blocked
    ((job, error),) = make_plan("in/a.png", "out/a.png").blocked
    assert isinstance(error, ForeignOutput)


def test_shards_share_the_work_and_keep_their_part(tree: Path, make_picture: Maker) -> None:
    for number in range(30):
        make_picture(Path(f"in/{number}.png"), side=1)

    def of(shard: str) -> list[str]:
        plan = make_plan("in", "out", Settings(batch=BatchOptions(shard=shard)))
        assert plan.elsewhere + len(plan.jobs) == len(list(Path("in").rglob("*.*")))
        return targets(plan)

    parts = [of(f"{part}/4") for part in (1, 2, 3, 4)]
    assert sorted(name for part in parts for name in part) == sorted(targets(make_plan("in", "out")))
    assert all(parts)
    Path("in/7.png").unlink()
    make_picture(Path("in/another.png"))
    for before, part in zip(parts, ("1/4", "2/4", "3/4", "4/4"), strict=True):
        assert set(before) - {"out/7.png"} == set(of(part)) - {"out/another.png"}


def test_listed_files_keep_the_folders_of_their_names(tree: Path) -> None:
    whole = tree / "in" / "b.jpg"
    plan = make_plan([], "out", listed=["in/sub/c.webp", "in/a.png", whole, "in/absent.png"])
    below = PurePath(*whole.parts[1:]).as_posix()
    assert targets(plan) == ["out/in/sub/c.webp", "out/in/a.png", f"out/{below}"]
    ((_, error),) = plan.blocked
    assert error.message == "in/absent.png: no such file."
    assert targets(make_plan([], "out", listed=["in"]))[0] == "out/in/a.png"
    assert targets(make_plan([], "one.png", listed=["in/a.png"])) == ["one.png/in/a.png"]
    with pytest.raises(UsageError, match=r"must not contain '\.\.'"):
        make_plan([], "out", listed=["../in/a.png"])


def test_one_file_to_one_file_and_to_a_folder(tree: Path) -> None:
    assert targets(make_plan("in/a.png", "b.jpg")) == ["b.jpg"]
    assert targets(make_plan("in/a.png", "folder")) == ["folder/a.png"]
    assert targets(make_plan("in/a.png", "folder.png/")) == ["folder.png/a.png"]
    Path("there.png").mkdir()
    assert targets(make_plan("in/a.png", "there.png")) == ["there.png/a.png"]
    assert targets(make_plan(["in/a.png", Path("in/b.jpg")], "folder")) == ["folder/a.png", "folder/b.jpg"]


def test_a_broken_file_is_planned_by_its_name_and_fails_later(tree: Path) -> None:
    Path("in/broken.bmp").write_bytes(b"BM")
    plan = make_plan("in", "out")
    assert "out/broken.png" in targets(plan)
    assert next(job for job in plan.jobs if job.source.name == "broken.bmp").megapixels == 0


@pytest.mark.parametrize(
    ("sources", "out", "error", "words"),
    [
        ("nowhere", "out", UsageError, "nowhere: no such file"),
        ("in", "in", UnsafeOutput, "the input folder itself"),
        ("in", "in/../in", UnsafeOutput, "the input folder itself"),
        ("in/a.png", "in/a.png", UnsafeOutput, "an input, or a link"),
        ("in/a.png", "in", UnsafeOutput, "an input, or a link"),
        ("in", "out.png", UsageError, "is a file name, but a folder is"),
        (["in/a.png", "in/b.jpg"], "out.png", UsageError, "is a file name, but 2 images are"),
        ("in", "file", UsageError, "file: is a file"),
        ("in/a.png", "x.gif", UsageError, "ends in '.gif'"),
        ("in/a.png", "x.bmp", UsageError, "but not written"),
        ("empty", "out", NothingToDo, "empty: no image found"),
        ("texts", "out", NothingToDo, r"texts: no image found \(2 files of other kinds\)"),
        (["in", "in2"], "out", UnsafeOutput, "would both be written to out/a.png"),
    ],
)
def test_refused_before_a_pixel_is_read(
    tree: Path, make_picture: Maker, sources: str, out: str, error: type[Exception], words: str
) -> None:
    Path("file").write_bytes(b"")
    Path("empty").mkdir()
    Path("texts").mkdir()
    Path("texts/a.txt").write_bytes(b"")
    Path("texts/b.txt").write_bytes(b"")
    make_picture(Path("in2/a.png"))
    before = sorted(path.as_posix() for path in Path().rglob("*"))
    with pytest.raises(error, match=words):
        make_plan(sources, out)
    assert sorted(path.as_posix() for path in Path().rglob("*")) == before


def test_planning_a_large_tree_can_be_stopped(tree: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        make_plan("in", "out", cancel=token)
