import csv

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from skimage import data

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.errors import OutputFull, TrainingFailed, UnusableData, UsageError
from denoiser.events import CancelToken, TrainingProgress
from denoiser.image import from_numpy
from denoiser.models.card import read_card
from denoiser.models.catalog import find, verify
from denoiser.options import DenoiseOptions, TrainOptions
from denoiser.training import train_denoiser

try:
    import resource
except ImportError:
    resource = None


def test_photos_become_weights_that_the_engine_runs(tmp_path, photos, recipe):
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    report = train_denoiser(photos, tmp_path / "run", TrainOptions(minutes=0.03, recipe=recipe))
    assert report.finished
    assert [str(error) for error in report.unreadable if "broken.png" in str(error)]
    verify(find(str(report.weights), "cpu"))
    session = Session(DenoiseOptions(model=str(report.weights)))
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


def test_unusable_folders_are_refused(tmp_path, photos, recipe):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UnusableData, match="no readable image"):
        train_denoiser(empty, tmp_path / "run", TrainOptions(recipe=recipe))
    with pytest.raises(UsageError, match="no such folder"):
        train_denoiser(tmp_path / "nowhere", tmp_path / "run", TrainOptions(recipe=recipe))
    with pytest.raises(UsageError, match="no run to continue"):
        train_denoiser(photos, tmp_path / "run", TrainOptions(recipe=recipe, resume=True))


def test_a_run_is_never_overwritten(tmp_path, photos, recipe):
    out = tmp_path / "run"
    out.mkdir()
    (out / "state.safetensors").write_bytes(b"someone's week")
    with pytest.raises(UsageError, match="already contains a run"):
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


def test_the_run_folder_holds_everything(tmp_path, photos, recipe):
    train_denoiser(photos, tmp_path / "run", TrainOptions(minutes=0.02, recipe=recipe))
    names = {path.name for path in (tmp_path / "run").iterdir()}
    weights = {"denoiser-tiny.safetensors", "denoiser-tiny.toml"}
    assert names == weights | {"state.safetensors", "log.csv", "loss.svg", "before-after.png", "recipe.toml"}
    assert (tmp_path / "run" / "recipe.toml").read_text() == (tmp_path / "tiny.toml").read_text()
    assert "white 25" in (tmp_path / "run" / "loss.svg").read_text()
    assert load_file(tmp_path / "run" / "denoiser-tiny.safetensors")["head.weight"].dtype == torch.float16


@pytest.mark.long
def test_a_training_that_does_not_gain_keeps_its_start(tmp_path, photos, recipe):
    good = train_denoiser(photos, tmp_path / "good", TrainOptions(minutes=0.1, recipe=recipe))
    wild = (tmp_path / "tiny.toml").read_text() + "\n[optimiser]\nmuon_rate = 0.3\nadam_rate = 0.3\n"
    (tmp_path / "wild.toml").write_text(wild)
    told = []
    report = train_denoiser(
        photos,
        tmp_path / "bad",
        TrainOptions(minutes=0.02, recipe=str(tmp_path / "wild.toml"), start=str(good.weights)),
        listener=told.append,
    )
    assert report.before is not None and report.after is not None
    assert report.after.overall < report.before.overall
    assert report.kept_start
    before, after = load_file(good.weights), load_file(report.weights)
    assert all(torch.equal(before[name], after[name]) for name in before)
    card = read_card(report.weights.with_suffix(".toml"))
    assert "did not improve it" in card.summary
    assert card.metrics["held_out_white_25"] == round(report.before.scores["white 25"], 2)
    assert [event.step for event in told if event.note == "before"] == [0]


def test_pairs_alone_are_enough(tmp_path, recipe, tiny_weights):
    rng = np.random.default_rng(0)
    for number in range(4):
        clean = data.chelsea()[number * 20 : number * 20 + 200, :300]
        noisy = np.clip(clean + rng.normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
        for half, pixels in (("clean", clean), ("noisy", noisy)):
            imageio.write(from_numpy(np.ascontiguousarray(pixels)), tmp_path / "pairs" / half / f"{number}.png")
    options = TrainOptions(minutes=0.03, recipe=recipe, start=str(tiny_weights))
    report = train_denoiser(tmp_path / "pairs", tmp_path / "run", options)  # known by their layout
    assert report.after is not None
    assert report.after.overall == report.after.scores["pairs, blind"]
    white = {"white 15", "white 25", "white 50", "white 10 given 30"}
    assert set(report.after.scores) == white | {"camera, blind", "pairs, blind"}
    assert read_card(report.weights.with_suffix(".toml")).training["pairs"] == "pairs"


def test_pairs_for_validation_count_and_are_not_trained_on(tmp_path, photos, recipe, tiny_weights):
    clean = np.ascontiguousarray(data.chelsea()[:200, :300])
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
    for half, pixels in (("clean", clean), ("noisy", noisy)):
        imageio.write(from_numpy(pixels), tmp_path / "judged" / f"cat__{half}.png")
    options = TrainOptions(
        minutes=0.01, recipe=recipe, start=str(tiny_weights), validate_pairs=str(tmp_path / "judged")
    )
    report = train_denoiser(photos, tmp_path / "run", options)
    assert report.before is not None
    scores = report.before.scores
    assert scores["pairs, automatic"] > 15
    assert report.before.overall == pytest.approx(sum(scores.values()) / len(scores))


def test_a_training_without_a_folder_is_refused(tmp_path, recipe):
    with pytest.raises(UsageError, match="nothing to train on"):
        train_denoiser(None, tmp_path / "run", TrainOptions(recipe=recipe))


@pytest.mark.skipif(resource is None, reason="limits on the size of files are of POSIX")
def test_a_full_disk_is_an_error_that_keeps_the_last_checkpoint(tmp_path, photos, recipe):
    first = train_denoiser(photos, tmp_path / "run", TrainOptions(minutes=0.02, recipe=recipe))
    state = (tmp_path / "run" / "state.safetensors").read_bytes()
    options = TrainOptions(minutes=first.progress.seconds / 60 + 0.02, recipe=recipe, resume=True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(state) // 2, limits[1]))
    try:
        with pytest.raises(OutputFull, match=r"state\.safetensors: no space left"):
            train_denoiser(photos, tmp_path / "run", options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "run" / "state.safetensors").read_bytes() == state
    assert train_denoiser(photos, tmp_path / "run", options).finished


def test_numbers_that_leave_the_rails_end_the_run(tmp_path, photos, tiny_recipe):
    path = tmp_path / "mad.toml"
    path.write_text(tiny_recipe + "\n[optimiser]\nmuon_rate = 1e18\nadam_rate = 1e18\nwarm_up_steps = 1\n")
    with pytest.raises(TrainingFailed, match="The loss became"):
        train_denoiser(photos, tmp_path / "run", TrainOptions(minutes=0.5, recipe=str(path)))
    assert not (tmp_path / "run" / "state.safetensors").exists(), "no state of broken numbers"
