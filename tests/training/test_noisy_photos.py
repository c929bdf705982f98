import numpy as np
import pytest
import torch

from denoiser import imageio
from denoiser.errors import UnusableData, UsageError
from denoiser.image import from_numpy
from denoiser.options import WriteOptions
from denoiser.training.data import Loading
from denoiser.training.noisy_photos import read_noisy, shrunk_by

SILENT = Loading(None)


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_photos_become_windows_and_shrunk_pieces(tmp_path):
    imageio.write(from_numpy(photo(520, 700)), tmp_path / "a.png")
    imageio.write(from_numpy(photo(300, 260)), tmp_path / "b.jpg", WriteOptions(quality=80))
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    read = read_noisy(tmp_path, SILENT)
    assert [len(windows) for windows in read.windows] == [4, 1]
    assert read.windows[0][0].shape == (3, 512, 512)
    assert read.windows[0][0].dtype == torch.uint8
    assert [(piece.factor, piece.photo, tuple(piece.pixels.shape[1:])) for piece in read.shrunk] == [
        (3, 0, (173, 233)),
        (2, 1, (150, 130)),
    ]
    assert read.tables[0] is None and read.tables[1] is not None
    assert "c.png" in str(read.unreadable[0])


def test_of_many_photos_some_are_taken_from_begin_to_end(tmp_path):
    for number in range(70):
        imageio.write(from_numpy(np.full((40, 40, 3), number, np.uint8)), tmp_path / f"{number:02}.png")
    read = read_noisy(tmp_path, SILENT)
    levels = [int(windows[0].float().mean()) for windows in read.windows]
    assert len(levels) == 64
    assert levels[0] == 0 and levels[-1] == 69 and levels == sorted(set(levels))


def test_shrinking_keeps_the_mean_and_takes_the_noise():
    noisy = torch.randn(1, 3, 240, 240, generator=torch.Generator().manual_seed(0))
    small = shrunk_by(noisy, 4)
    assert small.shape == (1, 3, 60, 60)
    assert small.std() < 0.4


def test_a_folder_without_photos_is_refused(tmp_path):
    with pytest.raises(UnusableData, match="no readable photo"):
        read_noisy(tmp_path, SILENT)
    with pytest.raises(UsageError, match="no such folder"):
        read_noisy(tmp_path / "nowhere", SILENT)
