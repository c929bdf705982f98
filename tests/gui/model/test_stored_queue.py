from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from denoiser.batch.settings import MaskFile, Settings
from denoiser.options import DenoiseOptions, WriteOptions
from denoiser_gui.model.batch_queue import BatchRow, RowState
from denoiser_gui.model.stored_queue import load_queue, queue_file, save_queue

_SETTINGS = Settings(denoise=DenoiseOptions(noise_level=8.0), write=WriteOptions(format="png"))


def test_unfinished_rows_are_restored_with_their_settings() -> None:
    rows = [
        BatchRow(Path("/a/1.png"), _SETTINGS, Path("/a"), sigma=3.5, megapixels=24.0),
        BatchRow(Path("/a/2.png"), state=RowState.RUNNING, fraction=0.4),
        BatchRow(Path("/a/6.png"), dataclasses.replace(_SETTINGS, mask=MaskFile(Path("/m.png"), "12ab"))),
        BatchRow(
            Path("/a/3.png"), state=RowState.FAILED, fraction=1.0, problem="full", hint="free", in_the_way=True
        ),
        BatchRow(Path("/a/4.png"), state=RowState.DONE, fraction=1.0),
        BatchRow(Path("/a/5.png"), state=RowState.ALREADY_DONE, fraction=1.0),
    ]
    save_queue(rows)
    restored = load_queue()
    assert restored == [rows[0], BatchRow(Path("/a/2.png")), rows[2], rows[3]]
    assert restored[2].settings.mask is not None and restored[2].settings.mask.path == Path("/m.png")


def test_no_file_is_left_without_unfinished_rows() -> None:
    save_queue([BatchRow(Path("/a/1.png"))])
    assert queue_file().is_file()
    save_queue([])
    assert not queue_file().exists() and load_queue() == []
    save_queue([])


@pytest.mark.parametrize(
    "text", ["", "{", "3", "{}", "[3, {}, []]", '[{"source": 3}]', "[" * 100_000, b"\xff", "[" + "9" * 5000 + "]"]
)
def test_a_corrupt_file_gives_no_rows(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "batch.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert load_queue(path) == []


def test_a_row_with_an_invalid_option_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "batch.json"
    save_queue([BatchRow(Path("/a/1.png")), BatchRow(Path("/a/2.png"))], path)
    listed = json.loads(path.read_text())
    listed[0]["settings"] = {"strength": 9.0}
    path.write_text(json.dumps(listed))
    assert [row.source for row in load_queue(path)] == [Path("/a/2.png")]
