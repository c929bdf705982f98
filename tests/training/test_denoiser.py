import csv

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from skimage import data

from denoiser import imageio
from denoiser.engine import open_session
from denoiser.errors import UnusableData, UsageError
from denoiser.events import CancelToken, TrainingProgress
from denoiser.image import from_numpy
from denoiser.models import find, read_card, verify
from denoiser.options import DenoiseOptions, TrainOptions
from denoiser.training import train_denoiser


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(10):
        crop = data.astronaut()[number * 10 : number * 10 + 300, :300]
        imageio.write(from_numpy(crop), folder / f"{number}.png")
    return folder


@pytest.fixture
def recipe(tmp_path, tiny_recipe):
    path = tmp_path / "tiny.toml"
    path.write_text(tiny_recipe)
    return str(path)


def test_photos_become_weights_that_the_engine_runs(tmp_path, photos, recipe):
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    report = train_denoiser(photos, tmp_path / "run", TrainOptions(minutes=0.03, recipe=recipe))
    assert report.finished
    assert [str(error) for error in report.unreadable if "broken.png" in str(error)]
    verify(find(str(report.weights), "cpu"))
    session = open_session(DenoiseOptions(model=str(report.weights)))
    assert session.clean(from_numpy(np.zeros((40, 50, 3), np.uint8))).image.height == 40
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").read_text().splitlines()))
    assert float(rows[-1]["white 25"]) > 15


def test_a_stopped_run_goes_on_where_it_stood(tmp_path, photos, recipe):
    cancel = CancelToken()
    steps = []

    def stop_early(event: TrainingProgress) -> None:
        steps.append(event.step)
        cancel.cancel()

    options = TrainOptions(minutes=0.3, recipe=recipe)
    first = train_denoiser(photos, tmp_path / "run", options, listener=stop_early, cancel=cancel)
    assert not first.finished
    assert steps
    again = TrainOptions(minutes=first.progress.seconds / 60 + 0.02, recipe=recipe, resume=True)
    second = train_denoiser(photos, tmp_path / "run", again)
    assert second.finished
    assert second.progress.step > first.progress.step


def test_what_cannot_be_trained_on_is_said(tmp_path, photos, recipe):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UnusableData, match="no readable picture"):
        train_denoiser(empty, tmp_path / "run", TrainOptions(recipe=recipe))
    with pytest.raises(UnusableData, match="no such folder"):
        train_denoiser(tmp_path / "nowhere", tmp_path / "run", TrainOptions(recipe=recipe))
    with pytest.raises(UsageError, match="no run to go on with"):
        train_denoiser(photos, tmp_path / "run", TrainOptions(recipe=recipe, resume=True))


def test_a_run_is_never_overwritten(tmp_path, photos, recipe):
    out = tmp_path / "run"
    out.mkdir()
    (out / "state.safetensors").write_bytes(b"someone's week")
    with pytest.raises(UsageError, match="holds a run already"):
        train_denoiser(photos, out, TrainOptions(recipe=recipe))
    assert (out / "state.safetensors").read_bytes() == b"someone's week"


def test_a_warm_start_begins_where_the_weights_are(tmp_path, photos, recipe, tiny_weights):
    cancel = CancelToken()

    def stop_before_the_first_step(done: int, total: int) -> None:
        if done == total - 1:
            cancel.cancel()

    options = TrainOptions(minutes=0.05, recipe=recipe, start=str(tiny_weights))
    report = train_denoiser(photos, tmp_path / "run", options, loading=stop_before_the_first_step, cancel=cancel)
    before, after = load_file(tiny_weights), load_file(report.weights)
    assert all(torch.equal(before[name].half(), after[name]) for name in before)
    card = read_card(report.weights.with_suffix(".toml"))
    assert card.training["started_from"] == "denoiser-tiny"
    assert card.training["started_from_sha256"] == read_card(tiny_weights.with_suffix(".toml")).sha256
