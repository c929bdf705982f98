import numpy as np
import pytest
import torch
from skimage import data

from denoiser import imageio
from denoiser.errors import UnusableData
from denoiser.image import from_numpy
from denoiser.training.pairs import holds_pairs, load_pairs
from denoiser.training.samples import RealNoise


def _noisy(picture, seed, sigma=12.0):
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _write(folder, name, pixels):
    folder.mkdir(parents=True, exist_ok=True)
    imageio.write(from_numpy(np.ascontiguousarray(pixels)), folder / name)


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        clean = data.astronaut()[number * 20 : number * 20 + 200, :260]
        _write(tmp_path / "pairs", f"{number}__clean.png", clean)
        _write(tmp_path / "pairs", f"{number}__noisy.png", _noisy(clean, number))
    return tmp_path / "pairs"


def test_pairs_in_threads_are_found_and_one_is_kept_back(folder):
    pool = load_pairs(folder, seed=0)
    assert (len(pool.images), len(pool.held_out)) == (4, 1)
    assert all(pair.shape == (6, 200, 260) for pair in (*pool.images, *pool.held_out))
    again = load_pairs(folder, seed=0)
    assert torch.equal(pool.held_out[0], again.held_out[0])


def test_equal_names_in_two_folders_are_pairs(tmp_path):
    clean = data.chelsea()[:200, :200]
    _write(tmp_path / "noisy", "cat.png", _noisy(clean, 1))
    _write(tmp_path / "clean", "cat.png", clean)
    pool = load_pairs(tmp_path, seed=0)
    assert torch.equal(pool.images[0][:3], torch.from_numpy(clean.transpose(2, 0, 1).copy()))


def test_crops_stay_aligned_and_the_level_is_that_of_the_difference(folder):
    source = RealNoise(load_pairs(folder, seed=0))
    sample = source.draw(64, 64, torch.Generator().manual_seed(0))
    noise = (sample.input - sample.target) * 255
    assert float(noise.std()) == pytest.approx(12, rel=0.1), "a shifted pair would show its edges here"
    planes = sample.planes.flatten(1)
    known = planes[:, 2] == 1
    assert 0.3 < float(known.float().mean()) < 0.9
    assert float(planes[known, 0].mean()) * 75 == pytest.approx(12, rel=0.15)
    assert float(planes[known, 3].mean()) < -0.5, "this noise is white"
    assert (planes[~known] == 0).all()


def test_smoothed_noise_counts_as_correlated(tmp_path):
    clean = np.full((200, 200, 3), 128, np.uint8)
    noise = np.random.default_rng(0).normal(0, 30, (200, 200, 3))
    smooth = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 3
    _write(tmp_path, "a__clean.png", clean)
    _write(tmp_path, "a__noisy.png", np.clip(clean + smooth, 0, 255).astype(np.uint8))
    planes = (
        RealNoise(load_pairs(tmp_path, seed=0)).draw(32, 64, torch.Generator().manual_seed(0)).planes.flatten(1)
    )
    assert float(planes[planes[:, 2] == 1, 3].min()) > 0.9


def test_halves_of_different_sizes_are_named(folder):
    _write(folder, "2__clean.png", data.astronaut()[:200, :250])
    with pytest.raises(UnusableData, match=r"2: noisy and clean have different sizes, 260×200 and 250×200 pixels"):
        load_pairs(folder, seed=0)


def test_a_missing_partner_is_named(folder):
    (folder / "3__clean.png").unlink()
    with pytest.raises(UnusableData, match="3 has only one half"):
        load_pairs(folder, seed=0)


def test_strangers_are_no_pair(folder):
    _write(folder, "2__clean.png", data.chelsea()[:200, :260])
    with pytest.raises(UnusableData, match="2: noisy and clean do not show the same scene"):
        load_pairs(folder, seed=0)


def test_broken_files_are_kept_by_name_and_small_ones_do_not_suffice(folder, tmp_path):
    (folder / "1__noisy.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    pool = load_pairs(folder, seed=0)
    assert [error for error in pool.unreadable if "1__noisy.png" in error.message]
    with pytest.raises(UnusableData, match="no readable pair of 256 pixels"):
        load_pairs(folder, seed=0, smallest=256)


def test_a_folder_of_pairs_is_recognised_by_its_layout(folder, tmp_path):
    assert holds_pairs(folder)
    assert not holds_pairs(tmp_path / "nowhere")
    _write(tmp_path / "two" / "noisy", "a.png", data.chelsea()[:200, :200])
    assert not holds_pairs(tmp_path / "two")
    _write(tmp_path / "two" / "clean", "a.png", data.chelsea()[:200, :200])
    assert holds_pairs(tmp_path / "two")
