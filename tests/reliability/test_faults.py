"""Disks fill up, folders vanish, files change: that file is named with its cause, the others finish."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from denoiser import DenoiseOptions, denoise_folder, imageio
from denoiser.errors import OutputFull, UnreadableImage, UnwritableImage
from denoiser.events import Event, FileDone, FileStarted, Started

_AT_MOST_30_000_BYTES = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
"""


def shown(folder: Path) -> list[Path]:
    """What a folder holds beside the records of the runs."""
    return [path for path in folder.iterdir() if path.name != ".denoise"]


@pytest.fixture
def options(tiny_weights: Path) -> DenoiseOptions:
    return DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own with 64 KiB, where the tests may mount one."""
    place = folder / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_quota_stops_the_run_with_that_cause_and_the_next_run_goes_on(
    folder: Path, make_picture, temporaries, denoise, network
) -> None:
    for name, side in (("a", 16), ("b", 120), ("c", 16), ("d", 16), ("e", 16), ("f", 16), ("g", 16), ("h", 16)):
        make_picture(f"imgs/{name}.png", side)
    ended = denoise("imgs", "--out", "clean", *network, before=_AT_MOST_30_000_BYTES)
    assert ended.returncode == 1
    lines = [line for line in ended.stderr.splitlines() if "MP/s, " not in line and "0.00 MP/s" not in line]
    assert lines[0] == "clean/b.png: no space left to write it."
    assert lines[1] == "  Free some space and run the same command again; finished files are kept."
    assert lines[-1].startswith("Out of space with ") and lines[-1].endswith(
        "run the same command again to continue."
    )
    assert "Traceback" not in ended.stderr
    kept = {path.name: path.read_bytes() for path in shown(Path("clean"))}
    assert "a.png" in kept and "b.png" not in kept and "h.png" not in kept
    assert temporaries() == []
    assert denoise("imgs", "--out", "clean", *network).returncode == 0
    assert len(list(shown(Path("clean")))) == 8
    assert all((Path("clean") / name).read_bytes() == data for name, data in kept.items())


def test_a_full_disk(small_disk: Path, make_picture, temporaries, options: DenoiseOptions) -> None:
    for number in range(12):
        make_picture(f"imgs/{number:02}.png", 80)
    report = denoise_folder("imgs", small_disk / "clean", options)
    assert isinstance(report.stopped_by, OutputFull) and report.exit_code == 1
    assert report.done >= 1 and report.left >= 1
    for path in shown(small_disk / "clean"):
        assert imageio.read(path).width == 80  # whole, each of them
    assert temporaries() == []


def test_a_disk_that_may_only_be_read(small_disk: Path, make_picture, options: DenoiseOptions) -> None:
    make_picture("imgs/a.png")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    (failure,) = denoise_folder("imgs", small_disk, options).failures
    assert isinstance(failure.error, UnwritableImage) and "Read-only file system" in failure.error.message


def test_a_file_where_a_folder_is_needed_fails_its_files_only(folder: Path, make_picture, options) -> None:
    for name in ("a.png", "sub/b.png", "sub/deep/c.png"):
        make_picture(f"imgs/{name}")
    Path("clean").mkdir()
    Path("clean/sub").write_bytes(b"mine")
    report = denoise_folder("imgs", "clean", options)
    assert (report.done, report.exit_code) == (1, 1)
    assert [failure.source.name for failure in report.failures] == ["b.png", "c.png"]
    assert all("clean/sub: is a file" in failure.error.message for failure in report.failures)
    assert Path("clean/sub").read_bytes() == b"mine"


def test_a_file_put_in_the_way_while_the_run_goes_on(folder: Path, make_picture, temporaries, options) -> None:
    for name in ("a.png", "sub/b.png", "z/c.png"):
        make_picture(f"imgs/{name}")

    def obstruct(event: Event) -> None:
        if isinstance(event, Started):
            Path("clean").mkdir()
            Path("clean/sub").write_bytes(b"mine")

    report = denoise_folder("imgs", "clean", options, listener=obstruct)
    assert report.done == 2
    (failure,) = report.failures
    assert isinstance(failure.error, UnwritableImage) and "clean/sub/b.png" in failure.error.message
    assert Path("clean/sub").read_bytes() == b"mine" and temporaries() == []


def test_a_target_that_is_removed_mid_run_is_made_again(folder: Path, make_picture, temporaries, options) -> None:
    for number in range(6):
        make_picture(f"imgs/{number}.png")
    removed: list[str] = []

    def remove(event: Event) -> None:
        if isinstance(event, FileDone) and not removed:
            removed.extend(path.name for path in shown(Path("clean")))
            shutil.rmtree("clean", ignore_errors=True)

    report = denoise_folder("imgs", "clean", options, listener=remove)
    assert removed and report.done + len(report.failures) == 6
    assert report.done - len(removed) <= len(list(shown(Path("clean")))) and temporaries() == []
    assert denoise_folder("imgs", "clean", options).exit_code == 0
    assert len(list(shown(Path("clean")))) == 6


def test_inputs_that_vanish_are_cut_or_turn_into_folders(folder: Path, make_picture, options) -> None:
    for name in ("a", "b", "c", "d", "e"):
        make_picture(f"imgs/{name}.png")

    def change(event: Event) -> None:
        if isinstance(event, Started):
            Path("imgs/b.png").unlink()
            Path("imgs/c.png").write_bytes(Path("imgs/c.png").read_bytes()[:500])
            Path("imgs/d.png").unlink()
            Path("imgs/d.png").mkdir()

    report = denoise_folder("imgs", "clean", options, listener=change)
    assert sorted(path.name for path in shown(Path("clean"))) == ["a.png", "e.png"]
    causes = {failure.source.name: failure.error for failure in report.failures}
    assert set(causes) == {"b.png", "c.png", "d.png"}
    assert all(isinstance(error, UnreadableImage) for error in causes.values())
    assert "No such file" in causes["b.png"].message and "is a folder" in causes["d.png"].message


def test_an_input_that_is_written_to_while_it_is_read(
    folder: Path, make_picture, options, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        make_picture(f"imgs/{name}.png")
    read = imageio.read

    def read_and_touch(path: Path, *rest):
        image = read(path, *rest)
        if path.name == "a.png":
            with path.open("ab") as file:
                file.write(b"more")
        return image

    monkeypatch.setattr(imageio, "read", read_and_touch, raising=False)
    report = denoise_folder("imgs", "clean", options)
    (failure,) = report.failures
    assert failure.error.message == "imgs/a.png: changed while it was read."
    assert [path.name for path in shown(Path("clean"))] == ["b.png"]


def test_an_output_that_appears_mid_run_is_replaced_whole(folder: Path, make_picture, options) -> None:
    make_picture("imgs/a.png")

    def appear(event: Event) -> None:
        if isinstance(event, FileStarted):
            make_picture("clean/a.png", 8)

    assert denoise_folder("imgs", "clean", options, listener=appear).done == 1
    assert imageio.read(Path("clean/a.png")).width == 24


@pytest.mark.parametrize("name", ["\n\x1b[31m.png", "\udcff.png", "🐈.png", "x" * 251 + ".png", "-rf.png"])
def test_names_of_any_kind(folder: Path, make_picture, temporaries, options, name: str) -> None:
    make_picture(f"imgs/{name}")
    assert denoise_folder("imgs", "clean", options).done == 1
    assert [path.name for path in shown(Path("clean"))] == [name]
