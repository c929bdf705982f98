"""A run on a cluster makes what one machine makes, whatever happens to its workers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from denoiser import imageio
from denoiser.batch import Plan, Settings, carry_out, plan_folder
from denoiser.batch.settings import ModelChoice
from denoiser.cluster import carry_out as carry_out_on_cluster
from denoiser.cluster.batch_run import need_of
from denoiser.cluster.connection import Need
from denoiser.errors import MissingDevice, MissingModel, UsageError
from denoiser.events import CancelToken, Event, FileDone, FileStarted, WorkerLost
from denoiser.image import from_numpy
from denoiser.options import BatchOptions, ClusterOptions, DecodeOptions, DenoiseOptions, EncodeOptions

Maker = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("ray")

TWO = ClusterOptions(cluster="local", workers=2)


@pytest.fixture
def settings(tiny_weights: Path) -> Settings:
    return Settings(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32"))


@pytest.fixture
def folder(tmp_path: Path, make_picture: Maker, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with ten images in ./imgs."""
    monkeypatch.chdir(tmp_path)
    for number in range(10):
        make_picture(Path("imgs", str(number % 3), f"{number}.png"), 40 + 8 * number)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".denoise" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run(settings: Settings, out: str, source: str = "imgs", **words: Any) -> tuple[Plan, Any]:
    plan = plan_folder(source, out, settings)
    return plan, carry_out_on_cluster(plan, settings, TWO, **words)


@pytest.mark.usefixtures("folder")
def test_masks_and_sidecars_reach_the_workers(settings: Settings) -> None:
    Path("imgs/0/0.png.denoise.toml").write_text("strength = 0.5\n", "utf-8")
    mask = np.zeros((48, 48), np.uint8)
    mask[:, 24:] = 255
    imageio.write(from_numpy(mask), Path("imgs/1/1.png.denoise.mask.png"))
    settings = dataclasses.replace(settings, batch=BatchOptions(sidecars=True))
    assert run(settings, "cluster")[1].done == 10
    assert carry_out(plan_folder("imgs", "alone", settings), settings).done == 10
    assert contents(Path("cluster")) == contents(Path("alone"))
    made, source = (imageio.read(Path(folder, "1/1.png")).pixels for folder in ("cluster", "imgs"))
    assert np.array_equal(made[:, :24], source[:, :24]) and not np.array_equal(made, source)
    assert not run(settings, "cluster")[0].jobs  # the records have the settings of each file


@pytest.mark.usefixtures("folder")
def test_the_outputs_are_those_of_one_machine(settings: Settings) -> None:
    Path("imgs/broken.png").write_bytes(Path("imgs/0/0.png").read_bytes()[:200])
    events: list[Event] = []
    _, report = run(settings, "cluster", listener=events.append)
    assert (report.done, report.cleaned, len(report.failures), report.exit_code) == (10, 10, 1, 1)
    assert carry_out(plan_folder("imgs", "alone", settings), settings).done == 10
    assert contents(Path("cluster")) == contents(Path("alone"))
    assert len([one for one in events if isinstance(one, FileStarted)]) == 11
    done = [one for one in events if isinstance(one, FileDone)]
    assert all(not one.source.is_absolute() and one.megapixels > 0 and one.facts["device"] == "cpu" for one in done)
    again = plan_folder("imgs", "cluster", settings)
    assert len(again.already_there) == 10 and len(again.jobs) == 1, "the records are those of any run"
    assert len(plan_folder("imgs", "alone", settings).already_there) == 10


@pytest.mark.usefixtures("folder")
def test_a_worker_is_killed(
    settings: Settings, kill_a_worker: Callable[[], int], capfd: pytest.CaptureFixture[str]
) -> None:
    events: list[Event] = []

    def listener(event: Event) -> None:
        events.append(event)
        if isinstance(event, FileDone) and sum(isinstance(one, FileDone) for one in events) == 2:
            kill_a_worker()

    _, report = run(settings, "cluster", listener=listener)
    assert (report.done, report.failures, report.left) == (10, (), 0)
    (lost,) = [one for one in events if isinstance(one, WorkerLost)]
    assert len(lost.sources) <= 3 and all(path.parts[0] == "imgs" for path in lost.sources)
    assert capfd.readouterr() == ("", ""), "Ray prints nothing"
    assert contents(Path("cluster")).keys() == contents(Path("imgs")).keys()


@pytest.mark.usefixtures("folder")
def test_a_cancel_finishes_what_workers_have(settings: Settings) -> None:
    cancel = CancelToken()
    _, report = run(settings, "cluster", cancel=cancel, listener=lambda event: cancel.cancel())
    assert report.done == report.left == 0 or report.cancelled
    cancel, seen = CancelToken(), []

    def listener(event: Event) -> None:
        if isinstance(event, FileDone):
            seen.append(event.target)
            cancel.cancel()

    _, report = run(settings, "cluster", cancel=cancel, listener=listener)
    assert report.cancelled and report.exit_code == 130 and 0 < report.left < 10
    assert {path.as_posix() for path in seen} == {f"cluster/{name}" for name in contents(Path("cluster"))}
    assert run(settings, "cluster")[1].left == 0


@pytest.mark.usefixtures("folder")
def test_latent_files_and_back(settings: Settings) -> None:
    encode = Settings(encode=EncodeOptions(lossless=True))
    assert run(encode, "latents")[1].done == 10
    decode = Settings(decode=DecodeOptions())
    assert run(decode, "decoded", "latents")[1].done == 10
    assert contents(Path("decoded")).keys() == contents(Path("imgs")).keys()


@pytest.mark.usefixtures("folder")
def test_a_series_is_shared_by_all_workers(settings: Settings) -> None:
    batch = Settings(settings.denoise, batch=BatchOptions(series=True))
    plan, report = run(batch, "cluster")
    assert report.done == 10 and plan.groups
    carry_out(plan_folder("imgs", "alone", batch), batch)
    assert contents(Path("cluster")) == contents(Path("alone"))


@pytest.mark.usefixtures("folder")
def test_weights_that_are_gone(settings: Settings) -> None:
    plan = plan_folder("imgs", "cluster", settings)
    Path(settings.denoise.model).unlink()
    with pytest.raises(MissingModel):
        carry_out_on_cluster(plan, settings, TWO)
    assert not contents(Path("cluster"))


def test_what_a_worker_takes(ray: Any) -> None:
    assert need_of(ray, TWO, Settings(), None) == Need(1, 0)
    assert need_of(ray, ClusterOptions(cluster="local", worker_cpus=2), Settings(), None) == Need(2, 0)
    with pytest.raises(MissingDevice):
        need_of(ray, TWO, Settings(DenoiseOptions(device="cuda")), None)
    with_gpu = SimpleNamespace(cluster_resources=lambda: {"CPU": 8.0, "GPU": 1.0})
    assert need_of(with_gpu, TWO, Settings(), None) == Need(4, 1)
    assert need_of(with_gpu, TWO, Settings(), ModelChoice("fast", "", {"device": "cpu"})) == Need(1, 0)
    assert need_of(with_gpu, TWO, Settings(DenoiseOptions(device="cpu")), None) == Need(1, 0)
    with pytest.raises(UsageError, match="mps"):
        need_of(ray, TWO, Settings(DenoiseOptions(device="mps")), None)
