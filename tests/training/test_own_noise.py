import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from skimage import data

from denoiser import imageio
from denoiser.errors import UnusableData, UsageError
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.models.card import read_card
from denoiser.models.catalog import find, verify
from denoiser.models.loading import load
from denoiser.networks.condition import Condition
from denoiser.noise.measured import KNOTS, MeasuredNoise
from denoiser.options import TrainOptions
from denoiser.training import learn_noise, own_noise
from denoiser.training.data import PhotoPool, area_shares
from denoiser.training.noisy_photos import Shrunk
from denoiser.training.own_noise import AUTOMATIC, BLIND, OwnNoiseMaterial, OwnNoiseSamples, clean_crops
from denoiser.training.own_noise_fit import OwnNoise, OwnNoiseValidation

MODEL = MeasuredNoise(torch.full((3, KNOTS), 20.0), torch.eye(3).reshape(3, 3, 1, 1), spread=0.1)
NOISE = OwnNoise(MODEL, None, 4, 100, 20.0, 20.0, MODEL)
RECIPE = """
[noise]
white = 1.0
camera = 0.0
shaped = 0.0
clean = 0.0

[optimiser]
muon_rate = 0.01
adam_rate = 2e-3
warm_up_steps = 2
ema = 0.9

[more]
pair_share = 0.6

[[stage]]
until = 1.0
patch = 96
batch = 2
loss = "charbonnier"
"""


@pytest.fixture
def noisy_folder(tmp_path):
    """Four photos of one source, with white noise of sigma 15 and flat places among detail."""
    folder = tmp_path / "card"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(4):
        scene = np.roll(data.astronaut(), number * 100, axis=1)[:400].astype(np.float32)
        noisy = scene + generator.standard_normal(scene.shape, dtype=np.float32) * 15
        imageio.write(from_numpy(np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)), folder / f"{number}.png")
    return folder


@pytest.fixture
def options(tmp_path, tiny_weights):
    path = tmp_path / "own-noise.toml"
    path.write_text(RECIPE)
    return TrainOptions(minutes=0.05, recipe=str(path), start=str(tiny_weights))


def test_a_noise_is_learned_from_noisy_photos_alone(tmp_path, noisy_folder, options):
    report = learn_noise(noisy_folder, tmp_path / "out", options)
    assert report.noise.luma == pytest.approx(15, rel=0.15)
    training = report.training
    assert training.before is not None and training.after is not None
    assert training.after.scores[AUTOMATIC] > training.before.scores[AUTOMATIC] + 0.2  # within three seconds
    assert report.validation is not None and report.validation.better == 4  # on the photos themselves as well
    assert training.kept_start is not report.validation.kept
    verify(find(str(training.weights), "cpu"))
    card = read_card(training.weights.with_suffix(".toml"))
    assert card.training["noisy"] == "card"
    assert card.training["noisy_photos"] == 4
    assert card.training["started_from"] == "denoiser-tiny"
    assert len(card.training["noise_sigma_by_brightness"][1]) == KNOTS
    assert card.training["verdict"] == report.validation.description


@pytest.mark.long
def test_what_wins_is_kept_half_way(tmp_path, noisy_folder, options, tiny_weights, monkeypatch):
    monkeypatch.setattr(own_noise, "validate", lambda *_: OwnNoiseValidation((10.0,), (8.0,)))
    report = learn_noise(noisy_folder, tmp_path / "out", options)
    assert not report.training.kept_start
    card = read_card(report.training.weights.with_suffix(".toml"))
    assert card.training["kept_share"] == 0.5
    kept, start = (load(find(str(path), "cpu")).network for path in (report.training.weights, tiny_weights))
    trained = load_file(tmp_path / "out" / "state.safetensors")
    for name, value in kept.state_dict().items():
        between = (start.state_dict()[name] + trained[f"average/{name}"]) / 2
        assert torch.allclose(value, between, atol=2e-3), name


@pytest.mark.long
def test_what_does_not_win_is_not_kept(tmp_path, noisy_folder, options, tiny_weights):
    learn_noise(noisy_folder, tmp_path / "first", options)
    good = tmp_path / "first" / "denoiser-own-noise.safetensors"
    broken = tmp_path / "broken.toml"
    broken.write_text(RECIPE.replace("0.01", "0.3").replace("2e-3", "0.3").replace("ema = 0.9", "ema = 0.0"))
    again = dataclasses.replace(options, recipe=str(broken), start=str(good), minutes=0.02)
    report = learn_noise(noisy_folder, tmp_path / "second", again)
    assert report.training.kept_start
    assert report.validation is not None and report.validation.description.startswith("Not kept: ")
    assert "unchanged" in read_card(report.training.weights.with_suffix(".toml")).summary
    kept, start = (load(find(str(path), "cpu")).network for path in (report.training.weights, good))
    for name, value in kept.state_dict().items():
        assert torch.equal(value, start.state_dict()[name])


@pytest.mark.long
def test_a_stopped_training_is_validated_when_it_is_finished(tmp_path, noisy_folder, options):
    cancel = CancelToken()

    def stop(_event):
        cancel.cancel()

    stopped = learn_noise(noisy_folder, tmp_path / "out", options, listener=stop, cancel=cancel)
    assert not stopped.training.finished
    assert stopped.validation is None
    resumed = learn_noise(noisy_folder, tmp_path / "out", dataclasses.replace(options, resume=True))
    assert resumed.training.finished
    assert resumed.validation is not None


def test_clean_photos_have_no_noise_to_learn(tmp_path, options):
    folder = tmp_path / "clean"
    folder.mkdir()
    ramp = np.linspace(20, 230, 512, dtype=np.float32)
    scene = np.stack([ramp[None] + ramp[:, None]] * 3, axis=2) / 2
    imageio.write(from_numpy(np.rint(scene).astype(np.uint8)), folder / "a.png")
    with pytest.raises(UnusableData, match="no noise to learn"):
        learn_noise(folder, tmp_path / "out", options)


def test_fur_everywhere_tells_nothing(tmp_path, options):
    folder = tmp_path / "cats"
    folder.mkdir()
    imageio.write(from_numpy(data.chelsea()[:300, :400]), folder / "a.png")
    with pytest.raises(UnusableData, match="flat enough"):
        learn_noise(folder, tmp_path / "out", options)


def test_a_run_that_is_there_is_refused_before_anything_is_read(tmp_path, options):
    out = tmp_path / "out"
    out.mkdir()
    (out / "state.safetensors").write_bytes(b"someone's evening")
    with pytest.raises(UsageError, match="already contains a run"):
        learn_noise(tmp_path / "nowhere", out, options)


def test_held_out_crops_come_from_other_photos_or_other_places(tiny_weights):
    network = load(find(str(tiny_weights), "cpu")).network
    pieces = [Shrunk(torch.full((3, 120, 170), 20 * n, dtype=torch.uint8), 3, n) for n in range(5)]
    train, held_out = clean_crops(pieces, NOISE, network)
    assert (len(train), len(held_out)) == (4, 1)
    train, held_out = clean_crops(pieces[:1], NOISE, network)
    assert train[0].shape == (3, 120, 104) and held_out[0].shape == (3, 120, 64)
    train, _ = clean_crops([Shrunk(torch.zeros(3, 90, 90, dtype=torch.uint8), 2, 0)], NOISE, network)
    assert train == ()


def test_samples_have_the_fitted_noise_and_the_conditions_of_its_photos():
    clean = torch.full((3, 128, 128), 128, dtype=torch.uint8)
    crops = PhotoPool((clean,), area_shares([1.0]), (), ())
    told = (Condition(30.0, 15.0, 0.5), Condition(45.0, 15.0, 1.0))
    sample = OwnNoiseSamples(crops, NOISE, told).draw(60, 32, torch.Generator().manual_seed(0))
    assert torch.all(sample.target == 128 / 255)
    assert float((sample.input - sample.target).std() * 255) == pytest.approx(20, rel=0.1)
    luma, _, known, kind = sample.planes[:, :, 0, 0].unbind(dim=1)
    of_photos = (luma == 0.4) | (luma == 0.6)
    assert 24 <= int(of_photos.sum()) <= 48
    assert set(kind[of_photos].tolist()) == {0.0, 1.0}
    assert 4 <= int((known == 0).sum()) <= 22
    own = ~of_photos & (known == 1)
    assert float(luma[own].mean() * 75) == pytest.approx(20, rel=0.15)


def test_validation_crops_are_deterministic_and_have_the_level_of_the_photos(tmp_path):
    crop = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    told = Condition(30.0, 15.0, 0.5)
    material = OwnNoiseMaterial(NOISE, (told,), (crop,), (crop,), tmp_path / "card", None, ())
    first, second = (material._validation_crops() for _ in range(2))
    assert [(crop.column, crop.condition) for crop in first] == [(AUTOMATIC, told), (BLIND, Condition())]
    assert torch.equal(first[0].noisy, second[0].noisy)
