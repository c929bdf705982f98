"""A file that takes the program down is named by the next run, skipped, and all others are finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from denoiser_cli import app

Maker = Callable[..., Path]

# A run is forked off a process that began before the trap was set.
_PLANTED = "import runpy; runpy.run_path('planted/sitecustomize.py')"


@pytest.fixture
def call(network: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """A run in this process, which has no bad decoder; those that it starts have."""

    def run(*words: str) -> tuple[int, str]:
        code = app.run(["imgs", "--out", "clean", *words, *network])
        return code, capsys.readouterr().err

    return run


def test_the_next_run_names_it_passes_over_it_and_finishes_the_others(
    folder: Path, make_picture: Maker, denoise, network, call, crashing_decoder: Callable[[bytes, str], None]
) -> None:
    for name in ("a", "b", "c", "d"):
        make_picture(f"imgs/{name}.png")
    crashing_decoder(Path("imgs/b.png").read_bytes(), "os.kill(os.getpid(), 11)")
    assert denoise("imgs", "--out", "clean", *network, before=_PLANTED).returncode == -11

    code, said = call()
    assert code == 1
    assert "imgs/b.png: crashed an earlier run and a repeated trial (SIGSEGV); skipped." in said
    assert "Use --retry-failed to try again" in said and "1 file failed" in said
    assert sorted(path.name for path in Path("clean").glob("*.png")) == ["a.png", "c.png", "d.png"]

    code, said = call()  # known by now: neither tried nor read
    assert code == 1 and "imgs/b.png: crashed an earlier run (SIGSEGV); skipped." in said
    code, said = call("--overwrite")  # and that is no reason to let it do so again
    assert code == 1 and "crashed an earlier run (SIGSEGV)" in said and "3 files cleaned" in said
    code, said = call("--retry-failed")
    assert code == 1 and "and a repeated trial (SIGSEGV)" in said

    crashing_decoder(b"", "pass")  # the decoder is mended
    assert call("--retry-failed")[0] == 0
    assert Path("clean/b.png").exists() and call()[0] == 0


def test_another_file_of_that_name_is_read(
    folder: Path, make_picture: Maker, denoise, network, call, crashing_decoder: Callable[[bytes, str], None]
) -> None:
    bad = make_picture("imgs/b.png")
    crashing_decoder(bad.read_bytes(), "os.kill(os.getpid(), 6)")
    assert denoise("imgs", "--out", "clean", *network, before=_PLANTED).returncode == -6
    assert "SIGABRT" in call()[1]
    make_picture("imgs/b.png", 30)
    assert call()[0] == 0
