"""Finding images: in a stable order, with special files reported, and each folder once."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from denoiser.batch.discover import Discovery, discover
from denoiser.errors import UsageError
from denoiser.imageio.formats import is_image_name


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def walk(*sources: Path, recursive: bool = True, leave_out: Path | None = None) -> Discovery:
    return discover(sources, is_image_name=is_image_name, recursive=recursive, leave_out=leave_out)


def below(found: Discovery) -> list[str]:
    return [find.below.as_posix() for find in found.finds]


def test_the_order_is_that_of_the_names_files_before_folders(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("b.png", "a/z.jpg", "a/b/c.tif", "c.png", "B.png", "a/a.webp")))
    assert below(walk(tmp_path)) == ["B.png", "b.png", "c.png", "a/a.webp", "a/z.jpg", "a/b/c.tif"]


def test_suffixes_in_any_case_and_other_files_are_counted(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("a.PNG", "b.JpEg", "c.txt", "d", "e.mov")))
    found = walk(tmp_path)
    assert below(found) == ["a.PNG", "b.JpEg"]
    assert found.others == 3


def test_a_source_file_may_have_any_suffix(tmp_path: Path) -> None:
    touch(tmp_path / "scan")
    assert below(walk(tmp_path / "scan")) == ["scan"]


@pytest.mark.parametrize("name", ["._a.png", ".denoise-1.part", ".denoise/a.png", "__MACOSX/a.png", ".DS_Store"])
def test_junk_is_not_even_mentioned(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name, tmp_path / "a.png")
    found = walk(tmp_path)
    assert below(found) == ["a.png"]
    assert found.skipped == () and found.others == 0


def test_without_recursion_folders_stay_closed(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "sub" / "b.png")
    assert below(walk(tmp_path, recursive=False)) == ["a.png"]


def test_the_output_folder_inside_the_input_is_skipped(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "clean" / "a.png")
    os.symlink(tmp_path / "clean", tmp_path / "other-name")
    assert below(walk(tmp_path, leave_out=tmp_path / "clean")) == ["a.png"]


def test_circular_links_are_followed_once_and_reported(tmp_path: Path) -> None:
    touch(tmp_path / "sub" / "a.png")
    os.symlink(tmp_path, tmp_path / "sub" / "up")
    found = walk(tmp_path)
    assert below(found) == ["sub/a.png"]
    assert [(p.path.name, "same folder" in p.reason) for p in found.skipped] == [("up", True)]


def test_linked_files_and_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "store" / "a.png", tmp_path / "store" / "deep" / "b.png")
    (tmp_path / "in").mkdir()
    os.symlink(tmp_path / "store" / "a.png", tmp_path / "in" / "link.png")
    os.symlink(tmp_path / "store" / "deep", tmp_path / "in" / "folder")
    assert below(walk(tmp_path / "in")) == ["link.png", "folder/b.png"]


def test_pipes_sockets_devices_and_broken_links_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    os.symlink("/dev/null", tmp_path / "device.png")
    os.symlink("nowhere", tmp_path / "dead.png")
    monkeypatch.chdir(tmp_path)  # the path of a socket is at most about 100 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        found = walk(tmp_path)
    assert below(found) == ["a.png"]
    assert {p.path.name: p.reason for p in found.skipped} == {
        "dead.png": "a broken link",
        "device.png": "a device, not a file",
        "pipe.png": "a pipe, not a file",
        "socket.png": "a socket, not a file",
    }


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Permissions do not stop the administrator, who may run these tests: the call itself is made to fail.
    touch(tmp_path / "a.png", tmp_path / "closed" / "b.png")
    scan = os.scandir

    def refusing(path: Path | int) -> object:
        if not isinstance(path, int) and Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = walk(tmp_path)
    assert below(found) == ["a.png"]
    assert [(p.path.name, p.reason) for p in found.skipped] == [("closed", "cannot be listed (Permission denied)")]


def test_a_tree_deeper_than_the_stack_of_python_is_searched(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(400):
        folder = folder / "d"
    folder.mkdir(parents=True)
    touch(folder / "a.png")
    assert len(walk(tmp_path).finds[0].below.parts) == 401


def test_what_is_named_twice_is_done_once(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    assert below(walk(tmp_path / "a.png", tmp_path / "a.png", tmp_path)) == ["a.png"]


@pytest.mark.parametrize("name", ["nowhere", "x" * 300, "dead"])
def test_a_source_that_is_not_there_is_a_mistake_in_the_call(tmp_path: Path, name: str) -> None:
    os.symlink("nowhere-else", tmp_path / "dead")
    with pytest.raises(UsageError, match=name[:20]):
        walk(tmp_path / name)


def test_names_of_any_bytes(tmp_path: Path) -> None:
    names = ["\n.png", "\udcff.png", "🐈\u200d⬛.png", "a b.png", "'\".png", "x" * 251 + ".png"]
    touch(*(tmp_path / name for name in names))
    assert sorted(below(walk(tmp_path))) == sorted(names)
