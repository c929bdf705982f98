"""Tables of embedded images: independent rows, reuse of unchanged files, unreadable files, cancellation."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from denoiser.errors import MissingExtra, UsageError
from denoiser.events import CancelToken, Event, FileDone, FileFailed
from denoiser.image import from_numpy

pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

from denoiser.workbench import embedding
from denoiser.workbench.embedding import embed, pixels_of, read_table, sharpness, write_table

Scenes = Callable[[int], list[Path]]


def test_a_row_is_the_same_alone_in_any_order_and_from_an_array(scenes: Scenes) -> None:
    paths = scenes(3)
    forward, backward = embed(paths), embed(paths[::-1])
    alone = embed([np.asarray(PillowImage.open(paths[1]))])
    assert forward["path"].tolist() == [str(path) for path in paths] == backward["path"].tolist()[::-1]
    for one, other in zip(forward["features"], backward["features"][::-1], strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(forward["features"][1], alone["features"][0])
    assert alone["path"].tolist() == ["image 0"]


def test_facts_of_a_file(scenes: Scenes) -> None:
    table = embed(scenes(1))
    assert (table["width"][0], table["height"][0]) == (213, 160)
    assert table["features"][0].dtype == np.float32
    assert max(pixels_of(table["thumbnail"][0]).shape) == 128
    assert table["taken"][0] == ""
    assert not table["date"].isna().any()
    assert table["noise"][0] > 0 and table["sharpness"][0] > 0


def test_the_date_is_from_exif(tmp_path: Path) -> None:
    exif = PillowImage.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2021:03:04 05:06:07"
    PillowImage.new("RGB", (32, 32)).save(tmp_path / "a.jpg", exif=exif)
    table = embed([tmp_path / "a.jpg"])
    assert table["taken"][0] == "2021-03-04T05:06:07" == table["date"][0].isoformat()


def test_only_new_and_changed_files_are_read_again(scenes: Scenes) -> None:
    paths = scenes(3)
    known = embed(paths)
    paths[0].write_bytes(paths[1].read_bytes())
    events: list[Event] = []
    again = embed(paths, known=known, listener=events.append)
    assert [event.source for event in events if isinstance(event, FileDone)] == [paths[0]]
    assert np.array_equal(again["features"][0], again["features"][1])
    assert np.array_equal(again["features"][2], known["features"][2])
    known.attrs["digest"] = "another model"
    events.clear()
    embed(paths, known=known, listener=events.append)
    assert sum(isinstance(event, FileDone) for event in events) == 3


def test_a_file_that_cannot_be_read_is_left_out_and_named(scenes: Scenes) -> None:
    paths = scenes(2)
    paths[0].write_bytes(paths[0].read_bytes()[:500])
    os.utime(paths[0])
    events: list[Event] = []
    table = embed(paths, listener=events.append)
    assert table["path"].tolist() == [str(paths[1])]
    assert [event.source for event in events if isinstance(event, FileFailed)] == [paths[0]]


def test_a_cancelled_call_returns_the_rows_so_far(scenes: Scenes) -> None:
    cancel = CancelToken()

    def stop_after_one(event: Event) -> None:
        if isinstance(event, FileDone):
            cancel.cancel()

    paths = scenes(3)
    assert embed(paths, listener=stop_after_one, cancel=cancel)["path"].tolist() == [str(paths[0])]


def test_a_parquet_file_returns_the_same_table(scenes: Scenes, tmp_path: Path) -> None:
    table = embed(scenes(2))
    write_table(table, tmp_path / "a.parquet")
    again = read_table(tmp_path / "a.parquet")
    assert again.attrs == table.attrs
    assert again.drop(columns="features").equals(table.drop(columns="features"))
    assert np.array_equal(np.stack(list(again["features"])), np.stack(list(table["features"])))


def test_a_csv_has_features_as_json_and_no_thumbnails(scenes: Scenes, tmp_path: Path) -> None:
    import pandas

    table = embed(scenes(1))
    write_table(table, tmp_path / "a.csv")
    again = pandas.read_csv(tmp_path / "a.csv")
    np.testing.assert_allclose(json.loads(again["features"][0]), table["features"][0], atol=1e-5)
    assert not {"thumbnail", "grey"} & set(again)


@pytest.mark.parametrize("content", [b"no table", None])
def test_another_file_is_no_table(tmp_path: Path, content: bytes | None) -> None:
    import pandas

    path = tmp_path / "a.parquet"
    path.write_bytes(content) if content else pandas.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(UsageError, match=r"a\.parquet: is not a"):
        read_table(path)


def test_the_extra_is_named_where_pandas_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="pandas") as caught:
        embedding.import_pandas()
    assert "denoiser-studio[workbench]" in caught.value.hint


def test_sharpness_falls_by_blur_and_enlarging_but_not_by_noise_or_exposure() -> None:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (128, 128, 3)).astype(np.uint8)
    image = ((image[::1] // 64) * 64).astype(np.uint8)
    enlarged = image.repeat(2, 0).repeat(2, 1)
    noisy = (image.astype(np.float32) + random.normal(0, 10, image.shape)).clip(0, 255).astype(np.uint8)
    plain = sharpness(from_numpy(image))
    assert sharpness(from_numpy(enlarged)) < 0.9 * plain
    assert sharpness(from_numpy(image // 2)) == pytest.approx(plain, rel=0.02)
    assert sharpness(from_numpy(noisy), noise=10) < 1.01 * plain
