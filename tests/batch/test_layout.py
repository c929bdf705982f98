"""Names of outputs: the same tree, suffixes by format, and no two images with one name."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import pytest

from denoiser.batch import layout
from denoiser.batch.layout import Job, SourceInfo, into_file, into_folder, sort_out_collisions
from denoiser.errors import UnsafeOutput, UnwritableImage, UsageError
from denoiser.imageio.formats import ROWS
from denoiser.options import WriteOptions


def info(below: str, key: str) -> SourceInfo:
    return SourceInfo(Path("in") / below, PurePath(below), ROWS[key], 1.0)


@pytest.mark.parametrize(
    ("below", "written_as", "target"),
    [
        ("a.png", "png", "a.png"),
        ("a.PNG", "png", "a.PNG"),
        ("a.JPEG", "jpeg", "a.JPEG"),
        ("sub/deep/a.tiff", "tiff", "sub/deep/a.tiff"),
        ("a.bmp", "png", "a.png"),
        ("a.heic", "avif", "a.avif"),
        ("a.nef", "tiff", "a.tif"),
        ("really-a-png.jpg", "png", "really-a-png.png"),
        ("scan", "png", "scan.png"),
        ("v1.2", "jpeg", "v1.2.jpg"),
    ],
)
def test_only_the_suffix_follows_the_format(below: str, written_as: str, target: str) -> None:
    assert into_folder([info(below, written_as)], Path("out")) == [
        Job(Path("in") / below, Path("out") / target, 1.0, target)
    ]


def test_one_file_to_one_file() -> None:
    job = into_file(info("a.bmp", "png"), Path("b.jpg"), WriteOptions())
    assert (job.source, job.target) == (Path("in/a.bmp"), Path("b.jpg"))


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("b.bmp", WriteOptions(), "BMP can be read but not written"),
        ("b.nef", WriteOptions(), "camera RAW can be read but not written"),
        ("b.png", WriteOptions(format="jpeg"), "contradicts the name"),
        ("b.gif", WriteOptions(), "unsupported output format"),
    ],
)
def test_a_target_that_cannot_be_written(target: str, options: WriteOptions, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        into_file(info("a.png", "png"), Path(target), options)


def job(source: str, target: str) -> Job:
    return Job(Path(source), Path(target), 1.0)


def _names(*files: tuple[str, str], made_from: dict[str, str] | None = None) -> dict[str, str]:
    """The names of the outputs by source; *made_from* has the sources of earlier ones."""
    earlier = {name: Path("in") / source for name, source in (made_from or {}).items()}
    jobs = into_folder([info(*file) for file in files], Path("out"), earlier.get)
    return {job.source.relative_to("in").as_posix(): job.name for job in jobs}


BMP, PNG, NEF, CR2 = ("a.bmp", "png"), ("a.png", "png"), ("a.nef", "tiff"), ("a.CR2", "tiff")


@pytest.mark.parametrize(
    ("files", "made_from", "names"),
    [
        # The file that has the name keeps it, in any order.
        ([BMP, PNG], {}, ["a.bmp.png", "a.png"]),
        ([PNG, BMP], {}, ["a.png", "a.bmp.png"]),
        # Two that both change their suffix both keep it, so a third changes nothing.
        ([NEF, CR2], {}, ["a.nef.tif", "a.CR2.tif"]),
        ([NEF, CR2, ("a.tif", "tiff")], {}, ["a.nef.tif", "a.CR2.tif", "a.tif"]),
        ([("a.jpg", "webp"), ("a.png", "webp"), ("b.png", "webp")], {}, ["a.jpg.webp", "a.png.webp", "b.webp"]),
        # On a file system with case, a.JPG and a.jpg are two files, but they could not be copied to others.
        ([("a.JPG", "jpeg"), ("a.nef", "jpeg")], {}, ["a.JPG", "a.nef.jpg"]),
        # A folder of that name.
        ([BMP, ("a.png/b.png", "png")], {}, ["a.bmp.png", "a.png/b.png"]),
        # What an earlier run has named keeps its name when files are added or removed.
        ([BMP, PNG], {"a.png": "a.bmp"}, ["a.png", "a.png.png"]),
        ([PNG], {"a.png": "a.bmp"}, ["a.png.png"]),
        ([BMP], {"a.png": "a.png"}, ["a.bmp.png"]),
        ([BMP], {"a.bmp.png": "a.bmp"}, ["a.bmp.png"]),
        ([NEF, CR2], {"a.tif": "a.nef"}, ["a.tif", "a.CR2.tif"]),
        # The same name in two folders is reported as a conflict elsewhere.
        ([PNG], {"a.png": "other/a.png"}, ["a.png"]),
    ],
)
def test_images_that_would_share_a_name_keep_their_suffixes(
    files: list[tuple[str, str]], made_from: dict[str, str], names: list[str]
) -> None:
    assert list(_names(*files, made_from=made_from).values()) == names


def test_two_images_with_one_path_in_different_folders_are_a_conflict() -> None:
    jobs = [job("x/a.png", "out/a.png"), job("b.png", "out/b.png"), job("y/a.png", "out/a.png")]
    free, ((blocked, error),) = sort_out_collisions(jobs)
    assert free == jobs[:2] and blocked is jobs[2] and isinstance(error, UnsafeOutput)
    assert error.message == "y/a.png would be written to out/a.png, like x/a.png."


def test_a_name_that_another_needs_as_its_folder_is_a_conflict() -> None:
    jobs = [job("a.bmp", "out/a.png"), job("a.png/b.png", "out/a.png/b.png")]
    free, ((_, error),) = sort_out_collisions(jobs)
    assert free == jobs[:1] and "needs that name for a folder" in error.message


@pytest.mark.parametrize(("one", "other"), [("out/A.png", "out/a.png"), ("out/\u00e9.png", "out/e\u0301.png")])
def test_where_case_does_not_matter_such_names_are_one(one: str, other: str) -> None:
    assert sort_out_collisions([job("1", one), job("2", other)])[1] == []
    assert len(sort_out_collisions([job("1", one), job("2", other)], case_matters=False)[1]) == 1


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    path.write_bytes(b"input")
    return path


def identity(path: Path) -> tuple[int, int]:
    return path.stat().st_dev, path.stat().st_ino


@pytest.mark.parametrize("kind", ["itself", "link", "hard link", "linked folder", "dots"])
def test_an_output_that_is_an_input_is_refused(source: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    target = out / "a.png"
    if kind == "itself":
        target = source
    elif kind == "dots":
        target = source.parent / ".." / "in" / "a.png"
    elif kind == "linked folder":
        os.symlink(source.parent, out)
    else:
        out.mkdir()
        (os.symlink if kind == "link" else os.link)(source, target)
    with pytest.raises(UnsafeOutput, match="is an input, or a link"):
        layout.sort_out_blocked([Job(source, target, 1.0)], {identity(source)})
    assert source.read_bytes() == b"input"


def test_targets_are_sorted_by_what_is_there(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "folder.png").mkdir(parents=True)
    (out / "file").write_bytes(b"")
    (out / "there.png").write_bytes(b"")
    os.symlink("nowhere", out / "dead.png")
    names = ["free.png", "new/free.png", "there.png", "dead.png", "folder.png", "file/a.png", "file/deep/a.png"]
    jobs = [Job(source, out / name, 1.0) for name in names]
    free, blocked = layout.sort_out_blocked(jobs, {identity(source)})
    assert [job.target.relative_to(out).as_posix() for job in free] == names[:4]
    assert [(job.target.relative_to(out).as_posix(), type(e)) for job, e in blocked] == [
        ("folder.png", UnwritableImage),
        ("file/a.png", UnwritableImage),
        ("file/deep/a.png", UnwritableImage),
    ]


def test_the_input_folder_as_output_is_refused_under_every_name(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    os.symlink(tmp_path / "in", tmp_path / "link")
    for out in (tmp_path / "in", tmp_path / "link", tmp_path / "in" / "..", tmp_path / "link" / "."):
        folders = [tmp_path if out.name == ".." else tmp_path / "in"]
        with pytest.raises(UnsafeOutput):
            layout.refuse_input_folder(out, folders)
    layout.refuse_input_folder(tmp_path / "in" / "clean", [tmp_path / "in"])


def test_a_file_where_the_output_folder_should_be(source: Path) -> None:
    with pytest.raises(UsageError, match="is a file"):
        layout.refuse_no_folder(source)


def test_case_matters_if_the_file_system_is_case_sensitive(tmp_path: Path) -> None:
    (tmp_path / "probe").mkdir()
    expected = not (tmp_path / "PROBE").exists()
    assert layout.is_case_sensitive(tmp_path / "probe" / "not" / "there") is expected
