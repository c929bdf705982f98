from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import Cancelled, UnreadableImage
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser_gui.model.thumbnails import estimate_noise_of, make_thumbnail


def test_thumbnails_are_small_and_noise_is_estimated_at_full_size(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(128, 14, (300, 400, 3)).clip(0, 255).astype(np.uint8)
    imageio.write(from_numpy(values), tmp_path / "a.png")
    assert make_thumbnail(tmp_path / "a.png", 80).width == 80
    assert make_thumbnail(from_numpy(values), 80).height == 60
    from denoiser.estimation.estimator import estimate_noise

    estimated = estimate_noise_of(tmp_path / "a.png", CancelToken())
    assert estimated.sigma == estimate_noise(imageio.read(tmp_path / "a.png")).sigma
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        estimate_noise_of(tmp_path / "a.png", cancel)
    with pytest.raises(UnreadableImage):
        make_thumbnail(tmp_path / "none.png")
