"""Files that end the process that reads them are found; corrupt files are not among them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from denoiser.batch.layout import Job
from denoiser.batch.trial import find_crashes
from denoiser.errors import Cancelled
from denoiser.events import CancelToken

Maker = Callable[..., Path]


def job(path: Path) -> Job:
    return Job(path, path.with_name("out.png"), 1.0)


def test_corrupt_files_that_do_not_crash_pass(tmp_path: Path, make_picture: Maker) -> None:
    good = make_picture(tmp_path / "a.png")
    broken = tmp_path / "b.png"
    broken.write_bytes(good.read_bytes()[:100])
    assert find_crashes([job(good), job(broken), job(tmp_path / "absent.png")], CancelToken()) == {}


def test_each_crash_has_its_cause(
    tmp_path: Path, make_picture: Maker, crashing_decoder: Callable[[bytes, str], None]
) -> None:
    jobs = [job(make_picture(tmp_path / f"{name}.png")) for name in "abcd"]
    crashing_decoder(jobs[1].source.read_bytes(), "os.kill(os.getpid(), 11)")
    assert find_crashes(jobs, CancelToken()) == {jobs[1]: "SIGSEGV"}


def test_a_decoder_that_hangs_is_found(
    tmp_path: Path, make_picture: Maker, crashing_decoder: Callable[[bytes, str], None]
) -> None:
    jobs = [job(make_picture(tmp_path / f"{name}.png")) for name in "ab"]
    crashing_decoder(jobs[0].source.read_bytes(), "import time; time.sleep(100)")
    assert find_crashes(jobs, CancelToken(), patience=4.0) == {jobs[0]: "no response within 4 s"}


def test_a_cancel_ends_the_process(
    tmp_path: Path,
    make_picture: Maker,
    crashing_decoder: Callable[[bytes, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[str]] = []

    class Remembered(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **words: Any) -> None:
            super().__init__(*arguments, **words)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Remembered)
    one = job(make_picture(tmp_path / "a.png"))
    crashing_decoder(one.source.read_bytes(), "import time; time.sleep(100)")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        find_crashes([one], token)
    assert [child.returncode for child in started] == [-signal.SIGKILL]
