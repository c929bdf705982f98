"""A file appears whole or not at all: killed, on a full disk, under odd names, beside other writers."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from denoiser.atomicfile import PREFIX, append_line_durably, whole_file
from denoiser.errors import OutputFull, UnwritableImage

OLD, NEW = b"old" * 1000, b"new" * 70_000


def write(path: Path, *chunks: bytes) -> None:
    with whole_file(path) as file:
        for chunk in chunks or (NEW,):
            file.write(chunk)


def write_and_raise(path: Path, error: BaseException) -> None:
    with whole_file(path) as file:
        file.write(NEW)
        raise error


def write_and_vanish(path: Path) -> None:
    """As if another program took the folder away, and the temporary file with it."""
    with whole_file(path) as file:
        file.write(NEW)
        for entry in path.parent.iterdir():
            entry.unlink()
        path.parent.rmdir()


def temporaries(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(PREFIX)]


# --- the plain way ----------------------------------------------------------------------------------------------


def test_a_file_takes_its_name_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)
    with whole_file(path) as file:
        file.write(NEW)
        file.flush()
        assert path.read_bytes() == OLD
        assert len(temporaries(tmp_path)) == 1
    assert path.read_bytes() == NEW
    assert os.listdir(tmp_path) == ["a.bin"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "2024" / "Küste" / "a.bin"
    write(path)
    assert path.read_bytes() == NEW


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_leaves_what_was_there_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    old, fresh = tmp_path / "old.bin", tmp_path / "fresh.bin"
    old.write_bytes(OLD)
    for path in (old, fresh):
        with pytest.raises(type(error)) as caught:
            write_and_raise(path, error)
        assert caught.value is error
    assert os.listdir(tmp_path) == ["old.bin"]
    assert old.read_bytes() == OLD


def test_file_times_are_kept_to_the_nanosecond(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    times = (1_111_111_111_123_456_789, 1_222_222_222_987_654_321)
    with whole_file(path, times_ns=times) as file:
        file.write(NEW)
    found = path.stat()
    assert (found.st_atime_ns, found.st_mtime_ns) == times


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "a.bin")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode


@pytest.mark.parametrize(
    "name",
    [
        "x" * 255,
        "é" * 127,
        "line\nbreak.jpg",
        "👩‍🚀.jpg",
        " ",
        "-rf",
        "a\\b",
        "..jpg",
        os.fsdecode(b"\xff\xfe.jpg"),
    ],
    ids=["255 bytes", "254 bytes of é", "line break", "emoji", "space", "flag", "backslash", "dots", "no text"],
)
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == NEW


def test_writers_of_one_name_do_no_harm_to_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    ready = threading.Barrier(8)

    def writer(number: int) -> None:
        ready.wait(10)
        for _ in range(5):
            write(path, bytes([number]) * 100_000)

    threads = [threading.Thread(target=writer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = path.read_bytes()
    assert len(data) == 100_000
    assert len(set(data)) == 1
    assert os.listdir(tmp_path) == ["a.bin"]


# --- what has the name already ------------------------------------------------------------------------------------


def test_a_link_gives_its_name_and_what_it_led_to_stays(tmp_path: Path) -> None:
    """An output must never reach an input through a link that came after the plan was made."""
    photo = tmp_path / "photo.bin"
    photo.write_bytes(OLD)
    symbolic, hard, dangling = tmp_path / "symbolic.bin", tmp_path / "hard.bin", tmp_path / "dangling.bin"
    symbolic.symlink_to(photo)
    hard.hardlink_to(photo)
    dangling.symlink_to(tmp_path / "nowhere.bin")
    for path in (symbolic, hard, dangling):
        write(path)
        assert not path.is_symlink()
        assert path.read_bytes() == NEW
    assert photo.read_bytes() == OLD
    assert not (tmp_path / "nowhere.bin").exists()


def test_a_folder_behind_a_link_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    write(tmp_path / "out" / "a.bin")
    assert os.listdir(tmp_path / "disk") == ["a.bin"]
    assert (tmp_path / "out").is_symlink()


def special(folder: Path, kind: str) -> Path:
    path = folder / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "link to a folder":
        (folder / "real").mkdir()
        path.symlink_to(folder / "real")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(os.devnull)  # the device itself is not put at risk by a test
    return path


@pytest.mark.parametrize("kind", ["folder", "link to a folder", "pipe", "link to a device"])
def test_what_is_no_file_is_never_replaced(tmp_path: Path, kind: str) -> None:
    path = special(tmp_path, kind)
    before = path.lstat()
    with pytest.raises(UnwritableImage, match="has that name"), whole_file(path):
        pytest.fail("the block must not run: its work would be for nothing")
    assert os.path.samestat(before, path.lstat())
    assert temporaries(tmp_path) == []


# --- disks that say no --------------------------------------------------------------------------------------------


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    blocker = tmp_path / "out"
    blocker.write_bytes(OLD)
    for path in (blocker / "a.bin", blocker / "deeper" / "a.bin"):
        with pytest.raises(UnwritableImage, match="cannot be written") as caught:
            write(path)
        assert str(path) in caught.value.message
        assert "is a folder" in caught.value.hint
    assert blocker.read_bytes() == OLD


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir(mode=0o500)
    with pytest.raises(UnwritableImage, match="Permission denied"):
        write(folder / "a.bin")


def test_a_folder_that_no_one_may_write_to() -> None:
    """/proc refuses new files to root too."""
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc here")
    with pytest.raises(UnwritableImage, match="cannot be written"):
        write(Path("/proc/self/a.bin"))


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(UnwritableImage, match="File name too long"):
        write(tmp_path / ("x" * 256))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_vanishes_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with pytest.raises(UnwritableImage, match="No such file"):
        write_and_vanish(folder / "a.bin")
    assert os.listdir(tmp_path) == []


@pytest.fixture
def full_after_100_kb() -> Iterator[None]:
    """No file of this process may grow beyond 100,000 bytes; Python ignores the signal that comes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_after_100_kb")
@pytest.mark.parametrize("chunk", [1000, len(NEW)], ids=["buffered", "at once"])
def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path: Path, chunk: int) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)
    with pytest.raises(OutputFull, match="no space left") as caught:
        write(path, *(NEW[start : start + chunk] for start in range(0, len(NEW), chunk)))
    assert str(path) in caught.value.message
    assert "finished files are kept" in caught.value.hint
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.usefixtures("full_after_100_kb")
def test_a_disk_that_is_full_only_when_the_buffer_is_emptied(tmp_path: Path) -> None:
    with pytest.raises(OutputFull):
        write(tmp_path / "a.bin", bytes(99_999), bytes(100))  # the last stay in the buffer until the block ends
    assert os.listdir(tmp_path) == []


def test_a_device_without_room_is_named() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OutputFull):
        append_line_durably(Path("/dev/full"), "line")


def fail_on_folders(monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    """`os.open` or `os.fsync` fails with this error for folders, and works for files."""
    real = getattr(os, call)

    def failing(target: int | Path, *more: int) -> object:
        if os.path.isdir(target):
            raise OSError(number, os.strerror(number))
        return real(target, *more)

    monkeypatch.setattr(os, call, failing)


_UNSUPPORTED = [("open", errno.EACCES), *(("fsync", n) for n in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP))]
_LOST = [
    ("open", errno.EIO),
    ("open", errno.ENOENT),
    *(("fsync", n) for n in (errno.EIO, errno.EACCES, errno.EBADF)),
]


@pytest.mark.parametrize(("call", "number"), _UNSUPPORTED)
def test_a_system_without_sync_of_folders_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    fail_on_folders(monkeypatch, call, number)
    write(tmp_path / "a.bin")
    append_line_durably(tmp_path / "lines", "line")
    assert (tmp_path / "a.bin").read_bytes() == NEW
    assert (tmp_path / "lines").read_text() == "line\n"


@pytest.mark.parametrize(("call", "number"), _LOST)
def test_a_failed_sync_of_the_folder_fails_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    fail_on_folders(monkeypatch, call, number)
    with pytest.raises(UnwritableImage, match=os.strerror(number)):
        write(tmp_path / "a.bin")
    with pytest.raises(UnwritableImage, match=os.strerror(number)):
        append_line_durably(tmp_path / "lines", "line")
    assert temporaries(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_when_the_folder_is_synced_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fail_on_folders(monkeypatch, "fsync", number)
    with pytest.raises(OutputFull):
        write(tmp_path / "a.bin")


# --- lines --------------------------------------------------------------------------------------------------------

APPEND_MANY = """
import sys
from pathlib import Path
from denoiser.atomicfile import append_line_durably
for number in range(60):
    append_line_durably(Path(sys.argv[1]), f"{sys.argv[2]} {number} " + sys.argv[2] * 6000)
"""


def test_lines_of_several_writers_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    writers = [subprocess.Popen([sys.executable, "-c", APPEND_MANY, str(path), name]) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    lines = [line for line in path.read_text().split("\n") if line]
    wanted = {f"{name} {number} {name * 6000}" for name in "abcd" for number in range(60)}
    assert len(lines) == len(wanted)
    assert set(lines) == wanted


def test_lines_come_in_order_and_hold_any_text(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    wanted = ["first", "", "Küste 👩‍🚀", "tab\there", '{"a": 1}']
    for line in wanted:
        append_line_durably(path, line)
    assert path.read_text(encoding="utf-8").split("\n") == [*wanted, ""]


def test_a_line_break_within_a_line_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line break"):
        append_line_durably(tmp_path / "lines", "two\nlines")
    assert not (tmp_path / "lines").exists()


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"whole\nto")
    append_line_durably(path, "next")
    assert path.read_text() == "whole\nto\nnext\n"


@pytest.mark.usefixtures("full_after_100_kb")
def test_a_line_for_which_there_is_no_room(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    append_line_durably(path, "x" * 99_000)
    with pytest.raises(OutputFull, match="lines"):
        append_line_durably(path, "y" * 5000)
    with pytest.raises(OutputFull):
        append_line_durably(path, "z")
    assert path.read_text().startswith("x" * 99_000 + "\n"), "what was whole stays whole"


def test_lines_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnwritableImage, match="No such file"):
        append_line_durably(tmp_path / "gone" / "lines", "line")


def test_nothing_heavy_is_needed_to_write_a_file() -> None:
    program = "import sys, denoiser.atomicfile; print({'numpy', 'torch', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "set()", done.stderr


def test_the_signals_of_a_limit_do_not_kill() -> None:
    """The tests of a full disk above stand on it."""
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN
