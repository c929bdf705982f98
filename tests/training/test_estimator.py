"""Lessons about noise hold the truth, and a reader learns from them."""

import pytest
import torch
from skimage import data

from denoiser.errors import UnusableData
from denoiser.models import read_card
from denoiser.networks.estimator import FEATURES, level_of
from denoiser.training import estimator, estimator_scenes
from denoiser.training.data import PhotoPool

COUNT = FEATURES - 14  # the feature that says how many windows were read


def pool_of(*sides: int) -> PhotoPool:
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
    pictures = tuple(photo[:, :side, :side].contiguous() for side in sides)
    return PhotoPool(pictures, torch.full((len(sides),), 1 / len(sides)), (), ())


@pytest.fixture(scope="module")
def lessons():
    return estimator.make_lessons(pool_of(512, 400), 48, torch.Generator().manual_seed(0))


def test_lessons_are_finite_and_seeded(lessons):
    assert lessons.features.shape == (len(lessons.luma), FEATURES)
    assert all(torch.isfinite(column).all() for column in (lessons.features, lessons.luma, lessons.chroma))
    assert 48 * 2 <= len(lessons.luma) <= 48 * 3 and set(lessons.correlated.tolist()) == {0.0, 1.0}
    again = estimator.make_lessons(pool_of(512, 400), 4, torch.Generator().manual_seed(0))
    assert torch.equal(again.features, lessons.features[: len(again.luma)])


def test_the_truth_about_white_noise_is_what_was_added(monkeypatch):
    monkeypatch.setattr(estimator_scenes, "_SHARES", (1.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(estimator_scenes, "_GREY_SHARE", 0.0)
    monkeypatch.setattr(estimator_scenes, "_JPEG_SHARES", (0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(
        estimator_scenes.noise,
        "add_white",
        lambda clean, sigma, generator, grey=False: (
            clean + (torch.randn(clean.shape, generator=generator) * 20 / 255)
        ),
    )
    white = estimator.make_lessons(pool_of(512), 12, torch.Generator().manual_seed(1))
    told = white.luma[white.features[:, COUNT] > 6]  # of large parts, where the sample says much
    # Clipping leaves less than was added, which is not what counts.
    assert told.median() == pytest.approx(20, rel=0.03) and told.max() < 22


def test_weak_noise_that_jpeg_removed_does_not_count_and_strong_noise_counts_with_the_error_of_jpeg():
    def truth(error, added, survived):
        power = torch.tensor([error, added, survived]).square().reshape(3, 1).expand(3, 3)
        return estimator._truth(power).tolist()

    assert truth(6.0, 2.0, 0.0) == [0.0, 0.0]
    assert truth(6.0, 0.5, 3.0) == [0.5, 0.5]  # rounding to coarse steps enlarges weak noise
    assert truth(6.0, 4.0, 5.0) == [6.0, 6.0]


def test_clean_pictures_have_no_noise_however_they_were_saved(monkeypatch):
    monkeypatch.setattr(estimator_scenes, "_SHARES", (0.0, 0.0, 0.0, 1.0))
    monkeypatch.setattr(estimator_scenes, "_JPEG_SHARES", (0.0, 0.0, 0.0, 1.0))
    monkeypatch.setattr(estimator_scenes.noise, "add_white", lambda clean, sigma, generator, grey=False: clean)
    clean = estimator.make_lessons(pool_of(512), 12, torch.Generator().manual_seed(1))
    known = clean.features[:, COUNT + 11] > 0
    assert 0.2 < known.float().mean() < 0.95
    assert clean.luma.max() == clean.chroma.max() == 0


def test_a_reader_learns(lessons):
    losses = []
    reader = estimator.train_estimator(lessons, seed=0, steps=1000, on_step=lambda _step, loss: losses.append(loss))
    assert losses[-1] < losses[0] - 0.5
    with torch.inference_mode():
        found = reader(lessons.features).luma
    truth = level_of(lessons.luma)
    assert (found - truth).abs().mean() < 0.4 * (truth - truth.median()).abs().mean()


def test_the_same_seed_gives_the_same_reader(lessons):
    one, two = (estimator.train_estimator(lessons, seed=3, steps=20) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_weights_come_with_their_card(lessons, tmp_path):
    reader = estimator.train_estimator(lessons, seed=0, steps=5)
    path = estimator.export_estimator(reader, tmp_path / "mine.safetensors", {"minutes": 1})
    card = read_card(path.with_suffix(".toml"))
    assert (card.name, card.task, card.training["minutes"]) == ("mine", "estimator", 1)
    assert card.metrics == {}
    estimator.export_estimator(reader, path, {"minutes": 1}, {"clean": 3})
    assert read_card(path.with_suffix(".toml")).metrics == {"clean": 3}


def test_crops_that_show_nothing_give_no_lesson(lessons, monkeypatch):
    monkeypatch.setattr(estimator, "_rows", lambda *_words: [])
    none = estimator.make_lessons(pool_of(512), 4, torch.Generator())
    assert none.features.shape == (0, FEATURES) and len(none.luma) == len(none.correlated) == 0
    assert torch.equal(torch.cat([lessons.features, none.features]), lessons.features)


def test_photos_that_are_too_small_are_said_to_be():
    with pytest.raises(UnusableData, match="No photo has 264 pixels"):
        estimator.make_lessons(pool_of(200), 4, torch.Generator())
