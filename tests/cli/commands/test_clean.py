"""`denoise clean`: outputs, messages, and pipes."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from denoiser import imageio
from denoiser_cli import app


def test_a_tree_is_cleaned_and_then_found_done(call, make_picture, network) -> None:
    for name in ("imgs/a.png", "imgs/sub/b.jpg"):
        make_picture(name)
    first = call("imgs", "--out", "clean", *network)
    assert (first.code, first.out) == (0, "")
    assert first.err.startswith("2 files cleaned, 0.0 MP in ") and first.err.endswith(": clean\n")
    second = call("imgs", "--out", "clean", *network)
    assert (second.code, second.out) == (0, "")
    assert second.err == "Nothing to do: 2 files already done in clean (use --overwrite to replace).\n"
    assert sorted(path.as_posix() for path in Path("clean").rglob("[ab].*")) == ["clean/a.png", "clean/sub/b.jpg"]


def test_options_reach_the_engine_and_the_files(call, make_picture, network) -> None:
    source = make_picture("a.png")
    assert call("a.png", "--out", "b.tif", "--strength", "0", *network).code == 0
    assert np.array_equal(imageio.read(Path("b.tif")).pixels, imageio.read(source).pixels)
    assert call("a.png", "--out", "out", "--format", "jpeg", "--quality", "30", *network).code == 0
    assert Path("out/a.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert call("a.png", "--out", "small", "--max-pixels", "100", *network).code == 1


def test_the_dry_run_is_the_plan_and_writes_nothing(call, make_picture, network) -> None:
    make_picture("imgs/a.png")
    make_picture("imgs/b.png")
    make_picture("clean/b.png")
    (Path("clean") / "c.png").mkdir()
    make_picture("imgs/c.png")
    answer = call("imgs", "--out", "clean", "--dry-run")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "imgs/a.png -> clean/a.png",
        "imgs/c.png: will fail, clean/c.png: is a folder, but a file is to be written there.",
        "imgs/b.png: will fail, clean/b.png: already exists, and no record shows that it was made from imgs/b.png.",
    ]
    assert answer.err == "1 to clean, 0.0 MP, with denoiser-fast; nothing was written.\n"
    assert not Path("clean/a.png").exists()
    planned = [json.loads(line) for line in call("imgs", "--out", "clean", "--dry-run", "--json").out.splitlines()]
    assert [line["event"] for line in planned] == ["planned", "file_failed", "file_failed"]


def test_json_is_one_object_per_line_and_eyes_get_nothing(call, make_picture, network) -> None:
    make_picture("imgs/a.png")
    Path("imgs/b.png").write_bytes(b"no picture")
    answer = call("imgs", "--out", "clean", "--json", *network)
    said = [json.loads(line) for line in answer.out.splitlines()]
    kinds = [line["event"] for line in said]
    assert (kinds[0], kinds[-1]) == ("started", "finished")
    assert sorted(kinds[1:-1]) == ["file_done", "file_failed", "file_started", "tile_done"]
    assert (said[-1]["exit_code"], answer.code, answer.err) == (1, 1, "")


def test_an_error_as_json(call) -> None:
    answer = call("nowhere", "--out", "x", "--json")
    assert json.loads(answer.out)["kind"] == "UsageError" and answer.code == 2
    assert answer.err.startswith("nowhere: no such file")


class _Pipe(io.TextIOWrapper):
    """A standard stream that is a pipe."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")

    def sent(self) -> bytes:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue()


def _piped(monkeypatch: pytest.MonkeyPatch, data: bytes, *words: str) -> tuple[int, bytes]:
    with _Pipe(data) as source, _Pipe() as sink, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", source)
        patch.setattr(sys, "stdout", sink)
        return app.run(words), sink.sent()


def test_a_pipe_gives_the_same_as_a_file(call, make_picture, network, monkeypatch) -> None:
    source = make_picture("a.png")
    call("a.png", "--out", "b.png", *network)
    code, sent = _piped(monkeypatch, source.read_bytes(), "-", "--out", "-", *network)
    assert (code, sent) == (0, Path("b.png").read_bytes())
    code, sent = _piped(monkeypatch, b"", "a.png", "--out", "-", *network)
    assert (code, sent) == (0, Path("b.png").read_bytes())
    code, sent = _piped(monkeypatch, source.read_bytes(), "-", "--out", "c.png", *network)
    assert (code, sent) == (0, b"")
    assert Path("c.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.parametrize("out", ["-", "b.png"])
def test_a_pipe_with_nothing_to_clean_is_copied(call, network, monkeypatch, out: str) -> None:
    from PIL import Image as PilImage

    PilImage.new("P", (30, 20), 3).save("a.png", compress_level=1)
    data = Path("a.png").read_bytes()
    for source in ("-", "a.png"):
        Path("b.png").unlink(missing_ok=True)
        code, piped = _piped(monkeypatch, data, source, "--out", out, "--strength", "0", *network)
        assert (code, piped if out == "-" else Path(out).read_bytes()) == (0, data)


def test_the_format_of_a_pipe_can_be_chosen(make_picture, network, monkeypatch) -> None:
    data = make_picture("a.png").read_bytes()
    _, sent = _piped(monkeypatch, data, "-", "--out", "-", "--format", "webp", *network)
    assert sent[8:12] == b"WEBP"


@pytest.mark.parametrize(
    ("words", "data", "code", "message"),
    [
        (["-", "--out", "-"], b"hello", 1, "standard input is not an image"),
        (["-", "--out", "-"], b"", 1, "standard input is empty"),
        (["-", "b.png", "--out", "-"], b"", 2, "A pipe holds a single image."),
        (["-", "--out", "-", "--json"], b"", 2, "--json and --out - cannot be combined"),
        (["-", "--out", "there.png"], None, 2, "there.png: already exists."),
        (["-", "--out", "x.bmp"], None, 2, "x.bmp: BMP can be read but not written."),
        (["nowhere.png", "--out", "-"], b"", 1, "nowhere.png cannot be opened"),
    ],
)
def test_mistakes_with_pipes(call, make_picture, capsys, monkeypatch, words, data, code, message) -> None:
    make_picture("there.png")
    data = make_picture("a.png").read_bytes() if data is None else data
    assert _piped(monkeypatch, data, *words)[0] == code
    assert capsys.readouterr().err.startswith(message)


def test_an_input_of_a_pipe_is_never_written_to(call, make_picture, network, capsys, monkeypatch) -> None:
    source = make_picture("a.png")
    before = source.read_bytes()
    with source.open() as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", stream)
        assert app.run(["-", "--out", "a.png", "--overwrite", *network]) == 5
    assert "is the input itself" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_one_image_without_out_is_written_beside_it(call, make_picture, network) -> None:
    make_picture("a.png")
    assert call("a.png", "--dry-run", *network).out == "a.png -> a-clean.png\n"
    answer = call("a.png", *network)
    assert answer.code == 0 and answer.err.endswith(": a-clean.png\n")
    written = Path("a-clean.png").read_bytes()
    again = call("a.png", "--strength", "0.5", *network)
    assert again.code == 5 and again.err.startswith("a-clean.png: was made with other options or weights.")
    assert "--overwrite" in again.err and Path("a-clean.png").read_bytes() == written
    assert call("a.png", "--format", "jpeg", *network).code == 0 and Path("a-clean.jpg").exists()
    Path("a.png").rename("photo")  # a format from the first bytes
    assert call("photo", *network).code == 0 and Path("photo-clean.png").exists()
    assert not Path(".denoise").exists()


def test_a_second_call_recognises_its_own_output(call, make_picture, network) -> None:
    for name in ("a.png", "a.jpg"):
        source = make_picture(name)
        out = f"a-clean{source.suffix}"
        assert call(name, *network).code == 0
        written = Path(out).stat().st_mtime_ns
        again = call(name, *network)
        assert again.code == 0 and again.err.startswith("Nothing to do: 1 file already done"), again.err
        assert Path(out).stat().st_mtime_ns == written
        os.utime(source, (1, 1))
        changed = call(name, *network)
        assert changed.code == 5 and changed.err.startswith(
            f"{out}: was made from another image, or before {name} "
        )
        Path(out).write_bytes(source.read_bytes())  # as if there was nothing to clean
        assert call(name, *network).err.startswith("Nothing to do: 1 file already done")
        make_picture(out, seed=1)
        foreign = call(name, *network)
        assert foreign.code == 5 and foreign.err.startswith(f"{out}: already exists, and no record shows")
        assert "--overwrite" in foreign.err


def test_two_files_are_input_and_output_if_the_second_does_not_exist(call, make_picture, network) -> None:
    make_picture("a.png")
    assert call("a.png", "b.jpg", *network).code == 0
    assert imageio.read(Path("b.jpg")).origin.format == "jpeg"
    again = call("a.png", "b.jpg", *network)  # it is an output, and so no input
    assert again.code == 0 and again.err.startswith("Nothing to do: 1 file already done")
    assert call("a.png", "b.jpg", "--overwrite", *network).code == 0
    make_picture("c.png")
    mine = call("a.png", "c.png", "--overwrite", *network)
    assert mine.code == 2 and mine.err.splitlines() == [
        "--out is missing: c.png exists, so it is an input, too.",
        "  For example: denoise a.png c.png --out ./clean",
    ]
    assert call("a.png", "folder", *network).code == 2 and not Path("folder").exists()
    assert call("encode", "a.png", "a.dlf", "--lossless").code == 0 and Path("a.dlf").exists()
    assert call("decode", "a.dlf", "back.png").code == 0
    assert Path("back.png").exists()


def test_files_without_a_suffix_are_recognised_in_folders(call, make_picture, network) -> None:
    make_picture("imgs/a.png").rename("imgs/IMG_1")
    Path("imgs/README").write_text("words")
    Path("imgs/empty").touch()
    assert call("imgs", "--out", "clean", *network).code == 0
    assert [path.name for path in Path("clean").glob("*.*") if path.is_file()] == ["IMG_1.png"]


def test_an_unreadable_folder_is_an_error(call, make_picture, network, monkeypatch: pytest.MonkeyPatch) -> None:
    make_picture("imgs/a.png")
    make_picture("imgs/locked/b.png")
    scandir = os.scandir

    def guarded(path: Path) -> Any:  # root may read every folder
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", guarded)
        answer = call("imgs", "--out", "clean", "-q", *network)
        assert (answer.code, answer.err.splitlines()[0]) == (
            1,
            "imgs/locked: cannot be listed (Permission denied).",
        )
        assert Path("clean/a.png").exists()
        alone = call("imgs/locked", "--out", "other", "-q", *network)
        assert alone.code == 1 and alone.err.startswith("imgs/locked: cannot be listed")
        assert call("estimate", "imgs", "-q").code == 1


def test_a_report_needs_its_folder_before_work_starts(call, make_picture, network) -> None:
    make_picture("imgs/a.png")
    answer = call("imgs", "--out", "clean", "--report", "nowhere/r.csv", *network)
    assert answer.code == 2 and answer.err.startswith("nowhere: no such folder for the report.")
    assert not Path("clean").exists() and not Path("nowhere").exists()
    assert call("imgs", "--out", "clean", "--report", "clean/r.csv", *network).code == 0


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_a_quality_applies_to_every_lossy_format(call, make_picture, network, format: str) -> None:
    make_picture("a.png", side=100)
    sizes = []
    for flag, value in (("--quality", "20"), ("--jpeg-quality", "90")):
        words = ("a.png", "--out", f"out{value}", "--format", format, flag, value)
        assert call(*words, *network).code == 0
        (made,) = (path for path in Path(f"out{value}").iterdir() if path.is_file())
        sizes.append(made.stat().st_size)
    assert sizes[0] < 0.6 * sizes[1]


def test_a_quality_without_effect_is_an_error(call, make_picture, network, monkeypatch, capsys) -> None:
    make_picture("imgs/a.png")
    answer = call("imgs", "--out", "clean", "--quality", "80", *network)
    assert answer.code == 2 and answer.err.startswith("--quality has no effect on PNG.")
    make_picture("imgs/b.jpg")  # and in a mixed folder it applies to some
    assert call("imgs", "--out", "clean", "--quality", "80", *network).code == 0
    data = Path("imgs/a.png").read_bytes()
    assert _piped(monkeypatch, data, "-", "--out", "-", "-Q", "80", *network)[0] == 2
    assert "--quality has no effect on PNG." in capsys.readouterr().err
    assert _piped(monkeypatch, data, "-", "--out", "-", "-Q", "80", "--format", "webp", *network)[0] == 0
