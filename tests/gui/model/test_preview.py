"""Exact pixels at 1:1 equal the saved file; superseded work is cancelled."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.errors import Cancelled, FaultyResult, MissingModel
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.options import DenoiseOptions
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.preview import Preview
from denoiser_gui.model.pyramid import ImagePyramid, make_pyramid
from denoiser_gui.model.rendering import Renderer
from denoiser_gui.model.requests import (
    EngineEvent,
    EngineStatus,
    ExportEvent,
    ExportRequest,
    NoiseEstimated,
    PreviewFailed,
    PreviewFrame,
    PreviewRequest,
    State,
    View,
)
from denoiser_gui.model.saving import SaveRequest, save
from denoiser_gui.model.viewport import viewport_of

FAST = DenoiseOptions(precision="fp32", tile=192)


def _noisy(seed: int, height: int, width: int, *, deep: bool = False, alpha: bool = False) -> Image:
    from skimage import data

    noise = np.random.default_rng(seed).normal(size=(height, width, 3)) * 18
    values = np.clip(data.astronaut()[seed : seed + height, seed : seed + width] + noise, 0, 255)
    pixels = np.rint(values * 257).astype(np.uint16) if deep else np.rint(values).astype(np.uint8)
    if not alpha:
        return from_numpy(pixels)
    mask = np.full((height, width, 1), np.iinfo(pixels.dtype).max, pixels.dtype)
    mask[20:60, 30:90] = 0
    return from_numpy(np.dstack([pixels, mask]))


class Bench:
    """Runs the preview without a window."""

    def __init__(self, *images: Image) -> None:
        self.pyramids = [make_pyramid(key, image) for key, image in enumerate(images, 1)]
        self.preview, self.renderer = Preview(), Renderer()
        self.events: list[EngineEvent] = []
        self.generation = 0

    def request(
        self,
        options: DenoiseOptions = FAST,
        pyramid: ImagePyramid | None = None,
        scale: float = 1.0,
        view: View = View.SPLIT,
        at: tuple[float, float] = (0.5, 0.5),
    ) -> PreviewRequest:
        pyramid = pyramid or self.pyramids[0]
        height, width = pyramid.image.height, pyramid.image.width
        viewport = viewport_of(width, height, 150, 120).at_scale(scale)
        viewport = viewport.panned((0.5 - at[0]) * width * scale, (0.5 - at[1]) * height * scale)
        self.generation += 1
        return PreviewRequest(self.generation, pyramid, options, viewport, view)

    def work(
        self, request: PreviewRequest | None = None, until: Callable[[EngineEvent], bool] = lambda _: False
    ) -> None:
        """Run until nothing is left to do, or until `until` accepts an event."""
        if request is not None:
            self.preview.set_request(request)
        cancel = CancelToken()

        def listener(event: EngineEvent) -> None:
            self.events.append(event)
            if until(event):
                cancel.cancel()

        try:
            self.preview.work(listener, cancel)
        except Cancelled:
            assert cancel.cancelled

    def frame(self, request: PreviewRequest) -> PreviewFrame:
        return self.renderer.frame(request, self.preview.result(request))

    def written(self, request: PreviewRequest, folder: Path) -> Image:
        """The photo saved with these options."""
        export = ExportRequest(request.pyramid, request.options)
        self.preview.export(export)
        self.work()
        finished = next(
            event.finished
            for event in reversed(self.events)
            if isinstance(event, ExportEvent) and event.export is export and event.finished is not None
        )
        target = folder / f"{request.generation}.png"
        save(finished, SaveRequest(target, PhotoSettings(request.options)))
        return imageio.read(target)


def _is_exact(event: EngineEvent) -> bool:
    return isinstance(event, EngineStatus) and event.state is State.EXACT


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize(
    "look", [{}, {"strength": 0.6}, {"colour_noise": 0.3}, {"detail": 0.7, "grain": 0.4, "strength": 0.9}]
)
def test_exact_pixels_equal_the_saved_file(tmp_path: Path, deep: bool, alpha: bool, look: dict[str, float]) -> None:
    bench = Bench(_noisy(3, 300, 420, deep=deep, alpha=alpha))
    request = bench.request(DenoiseOptions(noise_level=18.0, precision="fp32", tile=192, **look), at=(0.3, 0.4))
    bench.work(request)
    frame = bench.frame(request)
    assert frame.state is State.EXACT
    written = bench.written(request, tmp_path)
    assert np.array_equal(frame.right_values, written.pixels[frame.region.slices])
    if not deep and not alpha:  # what the screen gets are the very bytes of the file
        assert np.array_equal(frame.right[:, :, 2::-1], written.pixels[frame.region.slices])


def test_a_snapshot_is_the_left_image_and_as_exact_as_the_other(tmp_path: Path) -> None:
    bench = Bench(_noisy(3, 300, 420))
    snapshot = dataclasses.replace(FAST, noise_level=8.0, detail=0.5, strength=0.9)
    request = dataclasses.replace(bench.request(dataclasses.replace(FAST, noise_level=30.0)), snapshot=snapshot)
    of_snapshot = request.of_snapshot
    assert of_snapshot is not None and of_snapshot.options == snapshot
    bench.preview.set_request(of_snapshot, "snapshot")
    bench.work(request)
    results = (bench.preview.result(each) for each in (request, of_snapshot))
    frame = bench.renderer.frame(request, *results)
    assert frame.state is frame.left_state is State.EXACT
    for each, values in ((request, frame.right_values), (of_snapshot, frame.left_values)):
        assert np.array_equal(values, bench.written(each, tmp_path).pixels[frame.region.slices])


def test_the_loupe_comes_before_the_view_and_its_progress_is_not_that_of_the_view() -> None:
    bench = Bench(_noisy(3, 500, 420))
    view = bench.request(at=(0.1, 0.1))
    loupe = bench.request(at=(0.9, 0.9))
    bench.preview.set_request(loupe, "loupe")

    def has_loupe(_: EngineEvent) -> bool:
        result = bench.preview.result(loupe)
        return result is not None and result.has(loupe.viewport.visible_with_margin)

    bench.work(view, until=has_loupe)
    result = bench.preview.result(view)
    assert result is not None and not result.has(view.viewport.visible_with_margin)
    assert not any(isinstance(event, EngineStatus) for event in bench.events)
    bench.preview.set_request(None, "loupe")
    bench.work(view)
    assert any(_is_exact(event) for event in bench.events)


def test_the_saved_photo_equals_that_of_a_session(tmp_path: Path) -> None:
    image = _noisy(5, 300, 420)
    bench = Bench(image)
    request = bench.request()
    bench.work(request, until=_is_exact)
    written = bench.written(request, tmp_path)
    assert np.array_equal(written.pixels, Session(FAST).clean(image).image.pixels)


def test_on_a_cpu_the_tile_size_is_512_and_reported(tmp_path: Path) -> None:
    image = _noisy(6, 500, 500)
    bench = Bench(image)
    request = bench.request(DenoiseOptions(precision="fp32", device="cpu"))
    bench.work(request, until=_is_exact)
    status = next(event for event in bench.events if isinstance(event, EngineStatus))
    assert status.tile == 512
    written = bench.written(request, tmp_path)
    same = DenoiseOptions(precision="fp32", device="cpu", tile=status.tile)
    assert np.array_equal(written.pixels, Session(same).clean(image).image.pixels)


def _random_request(bench: Bench, dice: np.random.Generator) -> PreviewRequest:
    options = DenoiseOptions(
        noise_level=None if dice.random() < 0.3 else float(dice.integers(0, 40)),
        strength=float(dice.choice([0.0, 0.4, 1.0])),
        colour_noise=float(dice.choice([0.5, 1.0])),
        detail=float(dice.choice([0.0, 0.5])),
        grain=float(dice.choice([0.0, 0.3])),
        precision="fp32",
        tile=192,
    )
    return bench.request(
        options,
        bench.pyramids[int(dice.integers(len(bench.pyramids)))],
        float(dice.choice([0.4, 1.0, 1.0, 2.0, 5.0])),
        View.SPLIT,
        (float(dice.random()), float(dice.random())),
    )


def _try_changes(bench: Bench, folder: Path, changes: int) -> int:
    """Make random changes, some interrupted; compare exact frames with the file; return their number."""
    dice, compared = np.random.default_rng(10), 0
    for _ in range(changes):
        request = _random_request(bench, dice)
        impatient = dice.random() < 0.4
        bench.work(request, until=(lambda event: not isinstance(event, NoiseEstimated)) if impatient else _never)
        frame = bench.frame(request)
        if not impatient:
            assert frame.state is State.EXACT
        if frame.state is State.EXACT and request.viewport.scale >= 1:
            written = bench.written(request, folder)
            assert np.array_equal(frame.right_values, written.pixels[frame.region.slices]), request
            compared += 1
    return compared


def _never(_event: EngineEvent) -> bool:
    return False


def test_after_random_changes_the_exact_preview_equals_the_written_pixels(tmp_path: Path) -> None:
    bench = Bench(_noisy(1, 300, 420), _noisy(2, 210, 330))
    assert _try_changes(bench, tmp_path, 16) >= 5


@pytest.mark.long
def test_after_two_hundred_random_changes_the_exact_preview_equals_the_written_pixels(tmp_path: Path) -> None:
    bench = Bench(_noisy(1, 300, 420), _noisy(2, 210, 330, deep=True), _noisy(4, 260, 300, alpha=True))
    assert _try_changes(bench, tmp_path, 200) >= 80


def test_a_draft_comes_first_and_is_closer_to_the_result_than_the_source() -> None:
    bench = Bench(_noisy(3, 400, 480))
    request = bench.request(DenoiseOptions(noise_level=18.0, precision="fp32", tile=192))
    bench.work(request, until=lambda event: isinstance(event, EngineStatus))
    draft = bench.frame(request)
    assert draft.state is State.DRAFT
    bench.work(request)
    exact = bench.frame(request)
    assert exact.state is State.EXACT

    def distance(values: np.ndarray) -> float:
        return float(np.abs(values.astype(float) - exact.right_values).mean())

    assert distance(draft.right_values) < 0.6 * distance(draft.left_values)


def test_another_look_does_not_run_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(_noisy(3, 300, 420))
    request = bench.request()
    bench.work(request)
    result = bench.preview.result(request)
    assert result is not None
    monkeypatch.setattr(result.session._cleaner.runner, "start", None)
    for look in ({"strength": 0.5}, {"colour_noise": 0.2}, {"detail": 0.5}, {"grain": 0.5}):
        other = bench.request(DenoiseOptions(precision="fp32", tile=192, **look))
        bench.work(other)
        assert bench.frame(other).state is State.EXACT


def test_strength_zero_shows_the_source_without_a_model() -> None:
    bench = Bench(_noisy(3, 200, 300))
    request = bench.request(DenoiseOptions(strength=0.0, model="no-such-model"))
    bench.work(request)
    frame = bench.frame(request)
    assert frame.state is State.EXACT and np.array_equal(frame.left_values, frame.right_values)
    assert not bench.events


def test_pixels_of_another_level_or_photo_are_never_exact() -> None:
    bench = Bench(_noisy(1, 300, 420), _noisy(2, 300, 420))
    bench.work(bench.request(DenoiseOptions(noise_level=10.0, precision="fp32", tile=192)))
    for other in (
        bench.request(DenoiseOptions(noise_level=11.0, precision="fp32", tile=192)),
        bench.request(DenoiseOptions(noise_level=10.0, precision="fp32", tile=192), bench.pyramids[1]),
    ):
        assert bench.frame(other).state is State.WAITING


def test_the_share_kept_as_in_the_source_is_known_once_the_photo_is_complete() -> None:
    bench = Bench(_noisy(3, 480, 480))
    request = bench.request(DenoiseOptions(noise_level=18.0, precision="fp32", tile=192))
    bench.work(request, until=lambda event: isinstance(event, EngineStatus))
    result = bench.preview.result(request)
    assert result is not None and not result.is_complete and result.kept_share is None
    bench.work(request)
    assert result.is_complete
    last = [event for event in bench.events if isinstance(event, EngineStatus)][-1]
    assert last.photo == request.pyramid.key
    assert last.kept_share == result.kept_share == result._gradual.work.canvas.kept_share  # type: ignore[union-attr]


def test_a_superseded_request_stops_within_a_tile() -> None:
    """The tile that is being computed is cancelled: it does not finish before the new request is served."""
    bench = Bench(_noisy(3, 480, 480))
    session = Session(FAST)
    bench.preview._sessions[DenoiseOptions(precision="fp32", tile=192)] = session
    first = bench.request(DenoiseOptions(noise_level=9.0, precision="fp32", tile=192))
    second = bench.request(DenoiseOptions(noise_level=20.0, precision="fp32", tile=192))
    entered, cancelled, finished_stale = threading.Event(), threading.Event(), threading.Event()
    start = session._cleaner.runner.start

    def blocked(pieces: object, cancel: CancelToken) -> object:
        """Stands for the layers of one tile; without a cancel the first tile would take 20 seconds."""
        if not entered.is_set():
            entered.set()
            if not cancel.wait(20):
                finished_stale.set()
                return start(pieces, cancel)  # type: ignore[arg-type]
            cancelled.set()
            cancel.raise_if_cancelled()
        return start(pieces, cancel)  # type: ignore[arg-type]

    session._cleaner.runner.start = blocked  # type: ignore[method-assign, assignment]
    bench.preview.set_request(first)
    worker = threading.Thread(target=bench.work, name="denoise-test")
    worker.start()
    assert entered.wait(20)
    bench.preview.set_request(second)
    assert cancelled.wait(5), "the running tile was not cancelled"
    worker.join(60)
    assert not worker.is_alive() and not finished_stale.is_set()
    stale = bench.preview.result(first)
    assert stale is None or stale.progress == 0
    assert bench.frame(second).state is State.EXACT


def test_a_missing_model_is_reported_once_and_can_be_retried() -> None:
    bench = Bench(_noisy(3, 200, 300))
    request = bench.request(DenoiseOptions(model="no-such-model"))
    bench.work(request)
    failures = [event for event in bench.events if isinstance(event, PreviewFailed)]
    assert len(failures) == 1 and isinstance(failures[0].error, MissingModel)
    assert isinstance(bench.preview.error_of(request), MissingModel)
    bench.preview.try_again()
    assert bench.preview.error_of(request) is None


def test_an_export_reports_its_progress_and_errors() -> None:
    bench = Bench(_noisy(3, 300, 420))
    good, bad = (
        ExportRequest(bench.pyramids[0], FAST),
        ExportRequest(bench.pyramids[0], DenoiseOptions(model="no-such-model")),
    )
    for export in (good, bad):
        bench.preview.export(export)
    bench.work()
    events = [event for event in bench.events if isinstance(event, ExportEvent)]
    assert [event.export for event in events if event.finished is not None] == [good]
    assert [event.export for event in events if event.error is not None] == [bad]
    steps = [event.progress for event in events if event.export is good]
    assert steps == sorted(steps) and steps[-1] == 1.0


def test_a_cancelled_export_is_dropped() -> None:
    bench = Bench(_noisy(3, 300, 420))
    export = ExportRequest(bench.pyramids[0], FAST)
    export.cancel.cancel()
    bench.preview.export(export)
    bench.work()
    assert not [event for event in bench.events if isinstance(event, ExportEvent)]


def test_data_of_a_closed_photo_is_dropped() -> None:
    bench = Bench(_noisy(3, 200, 300))
    request = bench.request()
    bench.work(request)
    bench.preview.forget(1)
    assert bench.preview.result(request) is None


def _make_wrong(monkeypatch: pytest.MonkeyPatch, precision: str) -> None:
    """Sessions begin in this precision, in which their results are wrong nearly everywhere."""
    from denoiser.engine.runner import NetworkRunner

    right, begin = NetworkRunner._mean_of_passes, Session.__init__

    def wrong(runner: NetworkRunner, noisy: Any, planes: Any, passes: int, cancel: CancelToken) -> Any:
        result = right(runner, noisy, planes, passes, cancel)
        return np.roll(noisy, (23, 31), axis=(1, 2)) if runner.network.precision == precision else result

    def begin_in_it(session: Session, options: DenoiseOptions) -> None:
        begin(session, options)
        session.precision = session._cleaner.runner.network.precision = precision

    monkeypatch.setattr(NetworkRunner, "_mean_of_passes", wrong)
    monkeypatch.setattr(Session, "__init__", begin_in_it)


def test_nothing_is_exact_before_it_passes_the_sanity_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _make_wrong(monkeypatch, "bf16")
    bench = Bench(_noisy(3, 250, 260))
    request = bench.request(DenoiseOptions(device="cpu", tile=192, noise_level=18.0))
    exact: list[NDArray[Any]] = []

    def look(event: EngineEvent) -> bool:
        if isinstance(event, EngineStatus):
            frame = bench.frame(request)
            assert (event.state is State.EXACT) == (frame.state is State.EXACT)
            if frame.state is State.EXACT:
                exact.append(frame.right_values.copy())
        return False

    bench.work(request, look)
    assert exact, "it becomes exact, in fp32"
    region = bench.frame(request).region
    written = bench.written(request, tmp_path).pixels[region.top : region.bottom, region.left : region.right]
    assert all(np.array_equal(shown, written) for shown in exact)


def test_a_result_that_cannot_be_saved_is_never_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    _make_wrong(monkeypatch, "fp32")
    bench = Bench(_noisy(3, 250, 260))
    request = bench.request(dataclasses.replace(FAST, noise_level=18.0))
    bench.work(request)
    assert not [event for event in bench.events if isinstance(event, EngineStatus) and event.state is State.EXACT]
    assert bench.frame(request).state is State.DRAFT
    failed = [event for event in bench.events if isinstance(event, PreviewFailed)]
    assert [type(event.error) for event in failed] == [FaultyResult]
