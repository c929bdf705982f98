from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from denoiser import imageio
from denoiser.cluster.mapping import FunctionSetup, FunctionWorker, embedded_rows, noise_estimates
from denoiser.errors import UnreadableImage
from denoiser.estimation.estimate import NoiseEstimate
from denoiser.estimation.estimator import estimate_noise
from denoiser.events import CancelToken
from denoiser.options import ClusterOptions
from denoiser.workbench.embedding import RowMaker, embed

Maker = Callable[..., Path]
TWO = ClusterOptions(cluster="local", workers=2)


@pytest.fixture
def images(tmp_path: Path, make_picture: Maker, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return [*(make_picture(Path("imgs", f"{number}.png"), 64) for number in range(5)), Path("broken.png")]


@pytest.mark.usefixtures("ray")
def test_estimates_are_those_of_this_machine(images: list[Path]) -> None:
    found = dict(noise_estimates(images, TWO, CancelToken()))
    assert sorted(found) == sorted(images)
    assert isinstance(found.pop(Path("broken.png")), UnreadableImage)
    for path, estimate in found.items():
        assert isinstance(estimate, NoiseEstimate)
        assert estimate.as_values() == estimate_noise(imageio.read(path)).as_values()


@pytest.mark.usefixtures("ray")
def test_rows_are_those_of_this_machine(images: list[Path]) -> None:
    cancel = CancelToken()

    def elsewhere(paths: Any) -> Any:
        return embedded_rows("fast", TWO, cancel, lambda event: None, paths)

    there, here = embed(images, elsewhere=elsewhere), embed(images)
    assert there.drop(columns="features").equals(here.drop(columns="features"))
    assert np.array_equal(np.stack(there["features"]), np.stack(here["features"]))
    assert len(here) == 5 and here["path"][0] == "imgs/0.png"
    assert RowMaker("fast").row(images[0])["path"] == "imgs/0.png"


@pytest.mark.usefixtures("ray")
def test_a_cancelled_call_yields_nothing(images: list[Path]) -> None:
    cancel = CancelToken()
    cancel.cancel()
    assert list(noise_estimates(images, TWO, cancel)) == []


def test_a_file_that_ended_a_worker_is_tried_alone(
    images: list[Path], crashing_decoder: Callable[[bytes, str], None]
) -> None:
    crashing_decoder(images[1].read_bytes(), "os.kill(os.getpid(), 11)")
    worker = FunctionWorker(FunctionSetup(lambda: lambda path: path.name, 1))
    assert isinstance(worker.describe(), str)
    assert worker.process(images[0], 1) == "0.png"
    assert "SIGSEGV" in worker.process(images[1], 1).error.message
    assert worker.process(images[1], 0) == "1.png"
    worker.close()
