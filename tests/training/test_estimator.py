"""Training samples of the noise estimator have the true noise, and the estimator learns from them."""

import dataclasses
import hashlib
from functools import partial

import pytest
import torch
from safetensors.torch import load_file, save_file
from skimage import data

from denoiser import imageio
from denoiser.errors import Cancelled, UnusableData, UsageError
from denoiser.estimation.estimator import estimate_noise, load_estimator
from denoiser.evaluation.noise_accuracy import measure_accuracy
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.models.card import read_card
from denoiser.networks.estimator import level_of
from denoiser.networks.window_statistics import FEATURES
from denoiser.options import EstimatorOptions
from denoiser.training import estimator, estimator_scenes, recipe, train_estimator
from denoiser.training.data import PhotoPool, load_photos
from denoiser.training.estimator import PATCH, SAMPLES_FILE, EstimatorSamples, FeatureSource, make_samples
from denoiser.training.recipe import NoiseShares

COUNT = FEATURES - 14  # the feature with the number of windows
SHARES = recipe.load("estimator").noise
FEW = EstimatorOptions(crops=40, steps=200, seed=3)
CONTINUE = dataclasses.replace(FEW, resume=True)
WEIGHTS = "estimator.safetensors"


def pool_of(*sides: int) -> PhotoPool:
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
    images = tuple(photo[:, :side, :side].contiguous() for side in sides)
    return PhotoPool(images, torch.full((len(sides),), 1 / len(sides)), (), ())


def samples_of(pool, crops, seed=0, shares=SHARES):
    samples = EstimatorSamples.new(seed, "photos")
    while samples.crops < crops:
        samples.add(pool, shares)
    return samples


@pytest.fixture(scope="module")
def columns():
    return samples_of(pool_of(512, 400), 48).columns


def test_samples_are_finite_and_seeded(columns):
    luma = columns["luma"]
    assert columns["features"].shape == (len(luma), FEATURES)
    assert all(torch.isfinite(column).all() for column in columns.values())
    assert 48 * 2 <= len(luma) <= 48 * 3 and set(columns["correlated"].tolist()) == {0.0, 1.0}
    again = make_samples(pool_of(512, 400), SHARES, torch.Generator().manual_seed(0))["features"]
    assert torch.equal(again, columns["features"][: len(again)])


def test_the_true_level_of_white_noise_is_that_of_the_added_noise(monkeypatch):
    monkeypatch.setattr(estimator_scenes, "_GREY_SHARE", 0.0)
    monkeypatch.setattr(estimator_scenes, "_JPEG_SHARES", (0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(
        estimator_scenes.simple,
        "add_white",
        lambda clean, sigma, generator, grey=False: (
            clean + (torch.randn(clean.shape, generator=generator) * 20 / 255)
        ),
    )
    shares = NoiseShares(white=1.0, camera=0.0, shaped=0.0, clean=0.0)
    white = samples_of(pool_of(512), 12, 1, shares).columns
    luma = white["luma"][white["features"][:, COUNT] > 6]  # of large parts, which measure it well
    # Clipping leaves less than was added, which does not count.
    assert luma.median() == pytest.approx(20, rel=0.03) and luma.max() < 22


def test_weak_noise_that_jpeg_removed_does_not_count_and_strong_noise_counts_with_the_error_of_jpeg():
    def truth(error, added, survived):
        power = torch.tensor([error, added, survived]).square().reshape(3, 1).expand(3, 3)
        return estimator._truth(power).tolist()

    assert truth(6.0, 2.0, 0.0) == [0.0, 0.0]
    assert truth(6.0, 0.5, 3.0) == [0.5, 0.5]  # rounding to coarse steps enlarges weak noise
    assert truth(6.0, 4.0, 5.0) == [6.0, 6.0]


def test_clean_images_have_no_noise_in_any_file_format(monkeypatch):
    monkeypatch.setattr(estimator_scenes, "_JPEG_SHARES", (0.0, 0.0, 0.0, 1.0))
    monkeypatch.setattr(estimator_scenes.simple, "add_white", lambda clean, sigma, generator, grey=False: clean)
    shares = NoiseShares(white=0.0, camera=0.0, shaped=0.0, clean=1.0)
    clean = samples_of(pool_of(512), 12, 1, shares).columns
    known = clean["features"][:, COUNT + 11] > 0
    assert 0.2 < known.float().mean() < 0.95
    assert clean["luma"].max() == clean["chroma"].max() == 0


def test_crops_without_usable_windows_give_no_sample(columns, monkeypatch):
    monkeypatch.setattr(estimator, "_rows", lambda *_words: [])
    none = make_samples(pool_of(512), SHARES, torch.Generator())
    assert {name: len(column) for name, column in none.items()} == dict.fromkeys(columns, 0)
    assert torch.equal(torch.cat([columns["features"], none["features"]]), columns["features"])


def test_visible_correlated_noise_is_drawn_more_often(columns):
    batch = FeatureSource(columns).draw(20_000, 0, torch.Generator().manual_seed(0))
    luma, _, correlated = batch.target.unbind(dim=1)
    drawn = float(((luma > 2.5) & (correlated > 0)).float().mean())
    made = float(((columns["luma"] > 2.5) & (columns["correlated"] > 0)).float().mean())
    assert drawn == pytest.approx((made + 0.4) / 1.4, abs=0.02)


def test_samples_continue_as_if_they_had_not_been_interrupted(tmp_path):
    path, pool = tmp_path / SAMPLES_FILE, pool_of(512)
    first = samples_of(pool, 4, 7)
    first.seconds = 1.5
    first.save(path)
    again = EstimatorSamples.load(path)
    assert (again.seed, again.photos, again.crops, again.seconds) == (7, "photos", 4, 1.5)
    while again.crops < 12:
        again.add(pool, SHARES)
    whole = samples_of(pool, 12, 7).columns
    assert all(torch.equal(again.columns[name], whole[name]) for name in whole)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "words.safetensors").write_bytes(b"words")
    save_file({"features": torch.zeros(1)}, tmp_path / "weights.safetensors", metadata={"architecture": "x"})
    save_file({"features": torch.zeros(1)}, tmp_path / "half.safetensors", metadata={"book": "{}"})
    for name in ("words", "weights", "half", "missing"):
        with pytest.raises(UnusableData, match=rf"{name}\.safetensors"):
            EstimatorSamples.load(tmp_path / f"{name}.safetensors")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Five crops of a photo; one of them is held out."""
    folder = tmp_path_factory.mktemp("estimator") / "photos"
    folder.mkdir()
    for number in range(5):
        crop = data.astronaut()[number * 20 : number * 20 + 300, :300]
        imageio.write(from_numpy(crop), folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def whole(photos):
    """An uninterrupted run: its folder and its report."""
    out = photos.parent / "whole"
    return out, train_estimator(photos, out, FEW)


@pytest.fixture
def copied(whole, tmp_path):
    """The samples of that run in another folder."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / SAMPLES_FILE).write_bytes((whole[0] / SAMPLES_FILE).read_bytes())
    return tmp_path / "run"


def cancel_at(seen):
    """A token, and a listener that cancels it as soon as *seen* is true for an event."""
    token = CancelToken()
    return token, lambda event: token.cancel() if seen(event) else None


def test_an_estimator_learns(whole):
    out, report = whole
    columns = EstimatorSamples.load(out / SAMPLES_FILE).columns
    found = torch.from_numpy(load_estimator(str(report.weights))(columns["features"].numpy())[:, 0])
    truth = level_of(columns["luma"])
    assert (found - truth).abs().mean() < 0.4 * (truth - truth.median()).abs().mean()


def test_the_run_folder_contains_everything(whole):
    names = {path.name for path in whole[0].iterdir()}
    assert names == {WEIGHTS, "estimator.toml", SAMPLES_FILE, "log.csv", "loss.svg", "recipe.toml"}
    assert "white 25 luma" in (whole[0] / "loss.svg").read_text()


def test_the_validation_is_that_of_these_weights_on_the_held_out_photo(whole, photos):
    _, report = whole
    held_out = load_photos(photos, seed=3, smallest=PATCH).held_out
    assert len(held_out) == 1
    images = {"0": held_out[0].permute(1, 2, 0).numpy()}
    found = measure_accuracy(images, partial(estimate_noise, estimator=load_estimator(str(report.weights))))
    assert report.after.scores["white 25 luma"] == pytest.approx(found.white[25][0].ratio)
    assert report.after.details["white 50 chroma off"] == pytest.approx(found.white[50][1].off)
    assert report.after.details["noisiest photo"] == found.untouched[0]
    assert 0.6 < report.after.scores["white 25 luma"] < 1.6  # it learned something


def test_the_card_describes_training_and_validation(whole):
    out, report = whole
    card = read_card((out / WEIGHTS).with_suffix(".toml"))
    assert (card.task, card.architecture) == ("estimator", "noise-reader-2")
    facts = [card.training[name] for name in ("data", "crops", "lessons_seed", "seed", "steps", "recipe")]
    assert facts == ["photos", 40, 3, 3, 200, "estimator"]
    assert card.training["lessons"] == len(EstimatorSamples.load(out / SAMPLES_FILE).columns["luma"]) > 100
    assert card.metrics["held_out_white_25_luma"] == round(report.after.scores["white 25 luma"], 2)
    assert card.metrics["held_out_photos"] == 1
    assert card.metrics["held_out_photos_read_as_clean"] == report.after.scores["photos read as clean"]


def test_another_seed_trains_on_the_same_samples(copied, photos, whole, monkeypatch):
    monkeypatch.delattr(estimator, "make_samples")
    before = (copied / SAMPLES_FILE).read_bytes()
    train_estimator(photos, copied, dataclasses.replace(CONTINUE, seed=5))
    assert (copied / SAMPLES_FILE).read_bytes() == before
    assert (copied / WEIGHTS).read_bytes() != (whole[0] / WEIGHTS).read_bytes()
    training = read_card((copied / WEIGHTS).with_suffix(".toml")).training
    assert (training["lessons_seed"], training["seed"]) == (3, 5)


def digest(path):
    """Of the tensors in *path*."""
    tensors = load_file(path)
    return hashlib.sha256(b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors))).hexdigest()


def test_a_run_that_was_stopped_while_samples_were_made_ends_with_the_same_weights(
    photos, whole, tmp_path, monkeypatch
):
    monkeypatch.setattr(estimator, "_REPORT_EVERY", 0)
    out = tmp_path / "run"
    token, listener = cancel_at(lambda event: "16 of 40" in event.note)
    with pytest.raises(Cancelled, match=r"samples from 16 of 40 crops are kept in .*safetensors") as stopped:
        train_estimator(photos, out, FEW, listener=listener, cancel=token)
    assert "--resume" in stopped.value.hint
    assert [file.name for file in out.iterdir()] == [SAMPLES_FILE]
    assert EstimatorSamples.load(out / SAMPLES_FILE).crops == 16
    assert train_estimator(photos, out, CONTINUE).finished
    assert digest(out / WEIGHTS) == digest(whole[0] / WEIGHTS)


def test_a_run_that_was_stopped_in_training_ends_with_the_same_weights(copied, photos, whole):
    token, listener = cancel_at(lambda event: event.step > 0)
    monkeyed = pytest.MonkeyPatch()
    with monkeyed.context() as patch:
        patch.setattr("denoiser.training.loop._REPORT_EVERY", 0)
        stopped = train_estimator(photos, copied, CONTINUE, listener=listener, cancel=token)
    assert not stopped.finished and 0 < stopped.progress.step < 200
    assert (copied / "state.safetensors").exists()
    assert train_estimator(photos, copied, CONTINUE).finished
    assert digest(copied / WEIGHTS) == digest(whole[0] / WEIGHTS)
    assert not (copied / "state.safetensors").exists(), "a finished run starts again"


def test_a_stop_while_photos_are_read_leaves_nothing(photos, tmp_path):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        train_estimator(photos, tmp_path / "run", FEW, cancel=token)
    assert not (tmp_path / "run").exists()


def test_samples_are_saved_from_time_to_time(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(estimator, "_SAVE_EVERY", 0)
    crops = []
    monkeypatch.setattr(EstimatorSamples, "save", lambda samples, path: crops.append((samples.crops, path.name)))
    train_estimator(photos, tmp_path / "run", EstimatorOptions(crops=40, steps=1))
    assert crops == [(count, SAMPLES_FILE) for count in (*range(4, 41, 4), 40)]


@pytest.mark.parametrize("name", [SAMPLES_FILE, "state.safetensors"])
def test_a_folder_with_a_run_in_it_is_refused(photos, tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(UsageError, match="already contains a run"):
        train_estimator(photos, tmp_path, FEW)
    assert (tmp_path / name).read_bytes() == b"mine"


def test_there_must_be_something_to_continue(photos, tmp_path):
    with pytest.raises(UsageError, match="no run to continue"):
        train_estimator(photos, tmp_path, CONTINUE)


def test_samples_of_other_photos_are_refused(copied, photos, tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "0.png").write_bytes((photos / "0.png").read_bytes())
    with pytest.raises(UsageError, match="made from other photos"):
        train_estimator(tmp_path / "others", copied, CONTINUE)


def test_photos_may_be_moved(copied, photos, tmp_path):
    (tmp_path / "moved").mkdir()
    for path in photos.iterdir():
        (tmp_path / "moved" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "moved" / "lost.png").symlink_to("nowhere")
    with pytest.raises(UsageError, match="made from other photos"):
        train_estimator(tmp_path / "moved", copied, CONTINUE)
    (tmp_path / "moved" / "lost.png").unlink()
    assert train_estimator(tmp_path / "moved", copied, dataclasses.replace(CONTINUE, steps=1)).finished


def test_fewer_crops_than_there_are_are_refused(copied, photos):
    samples = EstimatorSamples.load(copied / SAMPLES_FILE)
    samples.crops = 80
    samples.save(copied / SAMPLES_FILE)
    with pytest.raises(UsageError, match=r"samples from 80 crops, more than 40") as refused:
        train_estimator(photos, copied, CONTINUE)
    assert "--crops 80" in refused.value.hint


@pytest.mark.parametrize(("side", "count"), [(PATCH - 1, 2), (PATCH, 0)])
def test_a_folder_without_large_photos_is_refused(tmp_path, side, count):
    (tmp_path / "photos").mkdir()
    for number in range(count):
        imageio.write(from_numpy(data.astronaut()[:side, :side]), tmp_path / "photos" / f"{number}.png")
    message = rf"no readable image of 264 pixels or more on each side \({count} files seen\)"
    with pytest.raises(UnusableData, match=message):
        train_estimator(tmp_path / "photos", tmp_path / "run", FEW)


def test_flat_photos_are_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    imageio.write(from_numpy(data.astronaut()[:PATCH, :PATCH] * 0), tmp_path / "photos" / "black.png")
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:
        patch.setattr(estimator, "_rows", lambda *_words: [])
        with pytest.raises(UnusableData, match="no texture and no noise"):
            train_estimator(tmp_path / "photos", tmp_path / "run", FEW)


def test_without_held_out_photos_there_is_no_validation(photos, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.png").write_bytes((photos / "0.png").read_bytes())
    (tmp_path / "photos" / "broken.png").write_bytes(b"no image")
    report = train_estimator(tmp_path / "photos", tmp_path / "run", FEW)
    assert report.after.scores == {} and report.weights.exists()
    assert ["broken.png" in error.message for error in report.unreadable] == [True]
