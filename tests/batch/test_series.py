"""Series share a noise estimate, which depends neither on order nor on shards and is kept by later runs."""

from __future__ import annotations

import dataclasses
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

from denoiser import denoise_folder, imageio
from denoiser.batch import Settings, make_plan
from denoiser.batch.history import History
from denoiser.batch.layout import Job
from denoiser.batch.manifest import as_line, lines_from
from denoiser.batch.redo import redo
from denoiser.batch.series import MOST_LOOKED_AT, Group, as_record, from_record, groups_of, name_of, stated
from denoiser.errors import UsageError
from denoiser.estimation.estimate import NoiseEstimate
from denoiser.estimation.estimator import estimate_noise
from denoiser.estimation.series import Series, fit_series
from denoiser.events import Event, FileDone, SeriesFound
from denoiser.image import Metadata, from_numpy
from denoiser.imageio import ImageHeader
from denoiser.options import BatchOptions, DenoiseOptions

IN_SERIES = Settings(batch=BatchOptions(series=True))


def exif_of(make: str, model: str, iso: int) -> bytes:
    """A block with these three, as a camera writes it."""
    texts = [(0x010F, make.encode() + b"\0"), (0x0110, model.encode() + b"\0")]
    at, entries, tail = 8 + 2 + 3 * 12 + 4, b"", b""
    for tag, text in texts:
        entries += struct.pack("<HHII", tag, 2, len(text), at + len(tail))
        tail += text + bytes(len(text) % 2)
    entries += struct.pack("<HHII", 0x8769, 4, 1, at + len(tail))
    inner = struct.pack("<HHHIII", 1, 0x8827, 3, 1, iso, 0)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 3) + entries + bytes(4) + tail + inner


def estimate(luma: float, chroma: float, kind: float = 0.5) -> NoiseEstimate:
    return NoiseEstimate(luma, chroma, kind, np.full((1, 1), luma, np.float32), "some")


@pytest.fixture
def options(tiny_weights: Path) -> DenoiseOptions:
    return DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")


@pytest.fixture
def shoot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`shoot("a.png", sigma=8, iso=800)`: a frame of a photo with its own noise, and a camera's header."""
    monkeypatch.chdir(tmp_path)

    def take(name: str, *, sigma: float = 8.0, iso: int = 800, model: str = "X100") -> Path:
        random = np.random.default_rng(sum(os.fsencode(name)))
        photo = data.astronaut()[:192, :192].astype(np.float32)
        noisy = np.clip(photo + random.normal(0, sigma, photo.shape), 0, 255).round().astype(np.uint8)
        path = Path("in", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        image = from_numpy(noisy)
        block = exif_of("FUJIFILM", model, iso) if iso else None
        imageio.write(dataclasses.replace(image, metadata=Metadata(exif=block)), path)
        return path

    return take


def noise_in(out: str) -> dict[str, Any]:
    """What each output was told, by name."""
    found = {}
    for path in Path(out, ".denoise").glob("run-*.jsonl"):
        for _, line in lines_from(path):
            if line["state"] == "done":
                found[line["target"]] = line["facts"]["noise"]
    return found


def groups(events: list[Event]) -> list[SeriesFound]:
    return [event for event in events if isinstance(event, SeriesFound)]


def test_a_group_has_camera_iso_and_size_in_any_orientation() -> None:
    upright, lying = (
        ImageHeader("jpeg", *sides, exif=exif_of("NIKON CORPORATION", "NIKON Z 6", 6400))
        for sides in ((4, 6), (6, 4))
    )
    assert name_of(upright) == name_of(lying) == "NIKON Z 6, ISO 6400, 6 x 4"
    assert (
        name_of(ImageHeader("jpeg", 6, 4, exif=exif_of("Canon", "EOS R5", 100))) == "Canon EOS R5, ISO 100, 6 x 4"
    )
    for without in (None, exif_of("Canon", "EOS R5", 0), exif_of("    ", "    ", 100), b"nonsense"):
        assert name_of(ImageHeader("jpeg", 6, 4, exif=without)) == ""
    assert name_of(ImageHeader("jxl", 0, 0, exif=exif_of("Canon", "EOS R5", 100))) == ""


def jobs(count: int, series: str = "a") -> list[Job]:
    return [
        Job(Path(f"{n:03}.jpg"), Path(f"out/{n:03}.jpg"), 1.0, f"{n:03}.jpg", series=series) for n in range(count)
    ]


def test_samples_are_spread_over_the_group_in_any_order() -> None:
    (group,) = groups_of(jobs(100), History(), IN_SERIES)
    (same,) = groups_of(reversed(jobs(100)), History(), IN_SERIES)
    assert group == same and group.frames == 100 and len(group.samples) == MOST_LOOKED_AT
    places = [int(job.name[:3]) for job in group.samples]
    assert (places[0], places[-1]) == (0, 99) and set(np.diff(places)) <= {6, 7}
    (few,) = groups_of(jobs(5), History(), IN_SERIES)
    assert [job.name for job in few.samples] == ["000.jpg", "001.jpg", "002.jpg", "003.jpg", "004.jpg"]


def test_two_images_and_those_without_a_header_are_no_series() -> None:
    assert groups_of(jobs(2), History(), IN_SERIES) == (Group("a", 2),)
    assert groups_of(jobs(9, ""), History(), IN_SERIES) == (Group("", 9),)


def test_a_recorded_series_is_used_without_overwrite() -> None:
    series = fit_series([estimate(luma, 4.0) for luma in (5.0, 5.1, 5.2)])
    history = History(series={"a": json.loads(as_line({"at": 1} | as_record(series, 3)))})
    (group,) = groups_of(jobs(9), history, IN_SERIES)
    assert group.samples == () and group.known is not None
    for luma in np.arange(0, 20, 0.01).round(2):
        own = estimate(float(luma), 4.0)
        assert group.known.fits(own) == series.fits(own)
        assert group.known.of(own).as_values() == series.of(own).as_values()
    (anew,) = groups_of(jobs(9), history, Settings(batch=BatchOptions(series=True, overwrite=True)))
    assert anew.known is None and len(anew.samples) == 9


@pytest.mark.parametrize("words", [None, {}, {"noise": {}, "fits": {}}, {"noise": 3, "fits": None}])
def test_invalid_lines_are_ignored(words: Any) -> None:
    assert from_record(words) is None


def test_frames_share_an_estimate_and_an_outlier_is_noted(shoot, options, tmp_path: Path) -> None:
    for number in range(5):
        shoot(f"{number}.png")
    shoot("odd.png", sigma=30.0)
    shoot("sub/other iso.png", iso=3200)
    shoot("no header.png", iso=0)
    events: list[Event] = []
    report = Path("report.json")
    batch = BatchOptions(series=True, report=str(report))
    denoise_folder("in", "out", options, batch=batch, listener=events.append)
    noise = noise_in("out")
    assert len(noise) == 8
    same = {json.dumps(noise[f"{number}.png"]) for number in range(5)}
    assert len(same) == 1
    assert abs(noise["0.png"]["luma"] - 8) < 2 and noise["odd.png"]["luma"] > 20
    own = estimate_noise(imageio.read(Path("in/sub/other iso.png")))
    assert noise["sub/other iso.png"] == {"luma": own.luma, "chroma": own.chroma, "kind": own.kind}
    notes = {event.source.name: event.notes for event in events if isinstance(event, FileDone)}
    assert [name for name, words in notes.items() if words] == ["odd.png"]
    assert notes["odd.png"][0].startswith("its noise differs from its series: luma ")
    found = {event.series: event for event in groups(events)}
    assert {name: event.frames for name, event in found.items()} == {
        "no camera or ISO in the metadata": 1,
        "FUJIFILM X100, ISO 800, 192 x 192": 6,
        "FUJIFILM X100, ISO 3200, 192 x 192": 1,
    }
    assert found["FUJIFILM X100, ISO 800, 192 x 192"].noise == noise["0.png"]
    assert found["FUJIFILM X100, ISO 3200, 192 x 192"].noise == {}
    rows = json.loads(report.read_text("utf-8"))
    assert sorted(row["series"] for row in rows if row["status"] == "series") == sorted(found)
    assert {row["series"] for row in rows if row["status"] == "done"} == {None, *found} - {
        "no camera or ISO in the metadata"
    }


def test_any_part_order_and_resumption_gives_the_same_bits(shoot, options) -> None:
    for number in range(6):
        shoot(f"{number}.png", sigma=8 + number / 4)
    whole = BatchOptions(series=True, jobs=1)
    denoise_folder("in", "whole", options, batch=whole)
    for part in ("2/2", "1/2"):
        batch = BatchOptions(series=True, jobs=4, shard=part)
        denoise_folder("in", "parts", options, batch=batch)
    denoise_folder("in", "listed", options, batch=whole, listed=())
    shoot("late.png", sigma=9.5)
    report = denoise_folder("in", "whole", options, batch=whole)
    assert (report.done, report.already_there) == (1, 6)
    for number in range(6):
        name = f"{number}.png"
        assert Path("whole", name).read_bytes() == Path("parts", name).read_bytes()
        assert Path("whole", name).read_bytes() == Path("listed", name).read_bytes()
    assert noise_in("whole")["late.png"] == noise_in("whole")["0.png"]


def test_a_frame_of_a_series_is_made_again_from_its_record(shoot, options) -> None:
    for number in range(4):
        shoot(f"{number}.png", sigma=7 + number)
    denoise_folder("in", "out", options, batch=BatchOptions(series=True))
    for number in (0, 3):
        redone = redo(Path(f"out/{number}.png"), Path(f"in/{number}.png"), model=options.model)
        assert redone.same


def test_a_series_from_a_processing_record_fits_its_image() -> None:
    own = estimate(1.0, 1.0)
    series = stated({"luma": 9, "chroma": 8.5, "kind": 0.25}, own)
    assert series is not None and series.fits(own) and isinstance(series, Series)
    assert series.of(own).as_values() | {"reason": ""} == estimate(9.0, 8.5, 0.25).as_values() | {"reason": ""}
    assert stated({"luma": "?"}, own) is None


def test_a_level_that_is_given_leaves_nothing_to_find(shoot) -> None:
    shoot("a.png")
    with pytest.raises(UsageError, match="Choose only one of --series and --noise-level"):
        make_plan("in", "out", Settings(DenoiseOptions(noise_level=5.0), batch=BatchOptions(series=True)))


@pytest.mark.long
def test_a_frame_that_takes_the_first_look_down_is_named_and_the_others_are_a_series(
    shoot, options, crashing_decoder
) -> None:
    paths = [shoot(f"{number}.png") for number in range(5)]
    crashing_decoder(paths[2].read_bytes(), "os.kill(os.getpid(), 11)")
    words = ["in", "--out", "out", "--series", "--model", options.model, "--device", "cpu", "--precision", "fp32"]
    command = [sys.executable, "-m", "denoiser_cli", *words]
    codes = [
        subprocess.run(
            command, check=False, capture_output=True, timeout=120, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        for _ in range(2)
    ]
    assert [run.returncode for run in codes] == [-11, 1]
    assert b"in/2.png: crashed an earlier run" in codes[1].stderr
    noise = noise_in("out")
    assert set(noise) == {"0.png", "1.png", "3.png", "4.png"} and len({str(each) for each in noise.values()}) == 1
