"""From folders to a model and a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from denoiser import imageio
from denoiser.errors import Cancelled, ForeignOutput, NothingToDo, UnsafeOutput, UnusableData
from denoiser.events import CancelToken, FileDone, FileFailed, FileStarted, TrainingProgress
from denoiser.image import from_numpy
from denoiser.options import AnomalyOptions
from denoiser.workbench.anomaly.files import find_anomalies, train_detector

PATCHES = AnomalyOptions(method="patches")


@pytest.fixture
def folders(cloth, tmp_path: Path) -> Path:
    """The folders good, with 12 images and one that is truncated, and imgs, with 2 good and 2 defective ones."""
    for number, image in enumerate(cloth(12, seed=0)):
        imageio.write(from_numpy(image), tmp_path / "good" / f"{number}.png")
    for name, defect in (("fine", False), ("odd", True)):
        for number, image in enumerate(cloth(2, seed=1, defect=defect)):
            imageio.write(from_numpy(image), tmp_path / "imgs" / f"{name}{number}.png")
    data = (tmp_path / "good" / "0.png").read_bytes()
    for folder in ("good", "imgs"):
        (tmp_path / folder / "cut.png").write_bytes(data[:-50])
    return tmp_path


@pytest.fixture
def model(folders: Path) -> Path:
    return train_detector([folders / "good"], folders / "m.safetensors", PATCHES).path


def test_a_folder_becomes_a_model(folders: Path) -> None:
    events: list[TrainingProgress] = []
    trained = train_detector([folders / "good"], folders / "m.safetensors", PATCHES, listener=events.append)
    assert trained.path.is_file() and trained.path.with_suffix(".toml").is_file()
    assert trained.detector.n_images_ == 12
    assert len(trained.unusable) == 1
    assert trained.unusable[0].message.startswith(f"{folders}/good/cut.png: truncated")
    assert any(event.note.startswith("Features of image 1") for event in events)
    with pytest.raises(ForeignOutput, match="already exists"):
        train_detector([folders / "good"], folders / "m.safetensors", PATCHES)


def test_images_of_several_sizes_and_kinds_are_taken(folders: Path, cloth) -> None:
    image = cloth(1, seed=9)[0]
    imageio.write(from_numpy(image[:40, :, :1]), folders / "good" / "grey.png")
    imageio.write(from_numpy(image[:4]), folders / "good" / "narrow.png")
    trained = train_detector([folders / "good"], folders / "m.safetensors", PATCHES)
    assert trained.detector.n_images_ == 13
    assert f"{folders}/good/narrow.png: 64 x 4 pixels are too long and narrow." in {
        error.message for error in trained.unusable
    }


def test_a_report_ranks_defective_images_first(folders: Path, model: Path) -> None:
    events = []
    found = find_anomalies([folders / "imgs"], model, folders / "report", listener=events.append)
    ranked = sorted(found.images, key=lambda one: -one.score)
    assert [one.path.stem[:-1] for one in ranked] == ["odd", "odd", "fine", "fine"]
    assert all((folders / "report" / name).is_file() for one in ranked for name in (one.image, one.heat_map))
    assert found.page.is_file() and found.held_out == 4
    assert [type(event) for event in events[1:]].count(FileStarted) == 5
    assert sum(isinstance(event, FileDone) for event in events) == 4
    assert [event.source.name for event in events if isinstance(event, FileFailed)] == ["cut.png"]
    assert len(found.failed) == 1 and found.failed[0].message.startswith(f"{folders}/imgs/cut.png: truncated")


def test_the_threshold_is_given_or_follows_from_the_false_alarms(folders: Path, model: Path) -> None:
    given = find_anomalies([folders / "imgs"], model, folders / "one", threshold=0.01)
    assert given.threshold == 0.01 and given.false_alarms == 1.0
    strict, loose = (
        find_anomalies([folders / "imgs"], model, folders / name, false_alarms=share)
        for name, share in (("two", 0.001), ("three", 0.5))
    )
    assert strict.threshold > loose.threshold and strict.false_alarms == 0


def test_a_report_inside_the_folder_of_the_images_is_not_scored(folders: Path, model: Path) -> None:
    out = folders / "imgs" / "report"
    assert all(len(find_anomalies([folders / "imgs"], model, out).images) == 4 for _ in range(2))


def test_a_stop_reports_what_is_scored(folders: Path, model: Path) -> None:
    cancel = CancelToken()
    stop = lambda event: cancel.cancel() if isinstance(event, FileDone) else None  # noqa: E731
    found = find_anomalies([folders / "imgs"], model, folders / "report", listener=stop, cancel=cancel)
    assert len(found.images) == 1 and found.page.is_file()
    with pytest.raises(Cancelled):
        train_detector([folders / "good"], folders / "n.safetensors", PATCHES, cancel=cancel)
    assert not (folders / "n.safetensors").exists()


def test_nothing_else_is_overwritten(folders: Path, model: Path) -> None:
    with pytest.raises(UnsafeOutput, match="is the folder of the images"):
        find_anomalies([folders / "imgs"], model, folders / "imgs")
    with pytest.raises(ForeignOutput, match="is not empty"):
        find_anomalies([folders / "imgs"], model, folders / "good")


def test_empty_folders_and_few_images_are_refused(folders: Path, model: Path) -> None:
    (folders / "empty").mkdir()
    with pytest.raises(NothingToDo, match="no image found"):
        find_anomalies([folders / "empty"], model, folders / "report")
    with pytest.raises(UnusableData, match="4 good images are too few"):
        train_detector([folders / "imgs"], folders / "n.safetensors", PATCHES)
