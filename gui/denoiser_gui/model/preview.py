"""The engine work of the window, in steps: the view first, then exports, then the rest of the photo.

    draft of the view  >  exact tiles of the view  >  statistics of the look  >  tiles of exports
    >  remaining tiles of the current photo

The newest request is read before every step. A step that is no longer needed is cancelled.
"""

from __future__ import annotations

import dataclasses
import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from denoiser.errors import Cancelled, DenoiserError
from denoiser.events import CancelToken
from denoiser.options import DenoiseOptions
from denoiser.tiling import Region
from denoiser_gui.model.partial_result import NoiseByLevel, PartialResult
from denoiser_gui.model.pyramid import ImagePyramid
from denoiser_gui.model.requests import (
    EngineStatus,
    ExportEvent,
    ExportRequest,
    FinishedPhoto,
    Listener,
    NoiseEstimated,
    PixelsArrived,
    PreviewFailed,
    PreviewRequest,
    State,
    View,
    inference_of,
)

if TYPE_CHECKING:
    from denoiser.engine.session import Session

_MOST_BYTES = 1_200_000_000  # of denoised photos in memory: three of 24 MP with all their copies
_MOST_RESULTS = 24  # drafts are small, and undo returns to them
_MOST_SESSIONS = 2
# Default on a CPU: a view of one megapixel needs 3 to 4 megapixels of such tiles, and 4.6 to 6 of the largest
# tiles. The whole photo takes a fifth longer. The copied command names the tile size.
TILE = 512
MAIN = "main"
# Several views may show the current photo. The loupe is small and follows the pointer, so it comes first.
PLACES = ("loupe", MAIN, "snapshot", "second")

Step = Callable[[CancelToken], object]


class Preview:
    """Called by the GUI thread without blocking, run by the engine thread, read by the render thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[str, PreviewRequest] = {}  # by place
        self._requested_at = 0.0
        self._exports: list[ExportRequest] = []
        # The running step: its token, its request, and the region it computes; None for a background tile.
        self._running: tuple[CancelToken, PreviewRequest, Region | None] | None = None
        self._working = False
        self._results: OrderedDict[tuple[int, DenoiseOptions], PartialResult] = OrderedDict()
        self._noise: dict[int, NoiseByLevel] = {}
        self._noise_sent: set[int] = set()  # photos whose noise was reported
        self._sessions: OrderedDict[DenoiseOptions, Session] = OrderedDict()
        self._errors: dict[tuple[int, DenoiseOptions], DenoiserError] = {}
        self._speed = 0.0
        self._reached = 0  # generation of the last reported request
        self._seen: tuple[int, float] = (0, 0.0)  # generation that became exact, and after how many seconds

    def set_request(self, request: PreviewRequest | None, place: str = MAIN) -> bool:
        """Set the request of a view and cancel work it makes obsolete; return whether `work` must be started."""
        with self._lock:
            before = self._requests.pop(place, None)
            if request is not None:
                self._requests[place] = request
                if place == MAIN and (before is None or before.generation != request.generation):
                    self._requested_at = time.perf_counter()
            self._cancel_useless_step()
            return request is not None and self._start_work()

    def export(self, export: ExportRequest) -> bool:
        """Add an export; return whether `work` must be started."""
        with self._lock:
            self._exports.append(export)
            return self._start_work()

    def forget(self, key: int) -> None:
        """Drop all data of a closed photo."""
        with self._lock:
            self._noise.pop(key, None)
            self._noise_sent.discard(key)
            for place in [place for place in self._results if place[0] == key]:
                del self._results[place]

    def try_again(self) -> None:
        """Forget errors, so that the next request tries again."""
        with self._lock:
            self._errors.clear()

    def result(self, request: PreviewRequest) -> PartialResult | None:
        """The denoised pixels for a request, if any; for the render thread."""
        with self._lock:
            return self._results.get((request.pyramid.key, request.inference))

    def error_of(self, request: PreviewRequest) -> DenoiserError | None:
        """The error that a request failed with, if any."""
        with self._lock:
            return self._errors.get((request.pyramid.key, request.inference))

    def warm_up(self, _cancel: CancelToken) -> None:
        """Load the model for the first photo. Engine thread only."""
        self._session(DenoiseOptions())
        # Exclude the loaded modules from garbage collection, which would block the window each time.
        gc.freeze()

    def work(self, listener: Listener, cancel: CancelToken) -> None:
        """Run steps until nothing is left to do. Engine thread only. Raises Cancelled on *cancel*."""
        try:
            while self._one_step(listener, cancel):
                cancel.raise_if_cancelled()
        except BaseException:
            with self._lock:
                self._working = False
            raise

    def _start_work(self) -> bool:
        begins, self._working = not self._working, True
        return begins

    def _one_step(self, listener: Listener, cancel: CancelToken) -> bool:
        """Run one step; return whether there was one."""
        with self._lock:
            wanted = self._wanted()
            self._exports = [export for export in self._exports if not export.cancel.cancelled]
            export = self._exports[0] if self._exports else None
        if any(self._preview_step(*each, listener, cancel, self._step_for_view) for each in wanted):
            return True
        if export is not None:
            self._export_step(export, listener, cancel)
            return True
        if any(self._preview_step(*each, listener, cancel, self._step_for_background) for each in wanted):
            return True
        with self._lock:
            if self._wanted() != wanted or self._exports:
                return True
            self._working = False
            return False

    def _wanted(self) -> list[tuple[str, PreviewRequest]]:
        """The requests of all views, the most urgent first."""
        return [(place, self._requests[place]) for place in PLACES if place in self._requests]

    def _preview_step(
        self,
        place: str,
        request: PreviewRequest,
        listener: Listener,
        cancel: CancelToken,
        choose: Callable[[PartialResult, PreviewRequest], tuple[Step, Region | None] | None],
    ) -> bool:
        """Run the step that *choose* returns; return whether there was one."""
        key = request.pyramid.key
        if request.options.strength == 0 or self.error_of(request) is not None:
            return False
        try:
            result = self._result(request.pyramid, request.inference)
            chosen = choose(result, request)
            if chosen is None:
                if place == MAIN and self._reached != request.generation:
                    self._reached = request.generation
                    listener(dataclasses.replace(self._status(result, request), has_new_pixels=False))
                    self._send_noise(key, listener)
                return False
            if self._finishes(*chosen, request, cancel):
                listener(self._status(result, request) if place == MAIN else PixelsArrived(key))
                self._send_noise(key, listener)
        except Cancelled:
            raise
        except DenoiserError as error:  # the request is not tried again until `try_again`
            with self._lock:
                self._errors[key, request.inference] = error
            listener(PreviewFailed(key, error))
        return True

    def _step_for_view(self, result: PartialResult, request: PreviewRequest) -> tuple[Step, Region | None] | None:
        """The next step towards an exact view, if any."""
        pyramid, viewport = request.pyramid, request.viewport
        wanted = viewport.visible_with_margin
        level = pyramid.clamped(viewport.level)
        if not result.has(wanted):
            draft = result.to_draft(level, wanted.shrunk(level))
            if draft is not None:
                return lambda token: result.make_draft(level, draft, token), wanted
            return lambda token: self._timed_tile(result, wanted, token), wanted
        if not result.is_complete:
            return None  # background work: the check and the look need the whole photo
        if not result.passes_check:
            return lambda _token: result.check(), wanted
        look = request.options.look
        if not result.is_measured(look):
            return lambda _token: result.measure(look), wanted
        needs_whole = look.detail or look.grain or request.mask is not None
        if viewport.scale < 1 and needs_whole and result.rendered(look, request.mask, level) is None:
            return lambda token: result.render_whole(look, request.mask, token), wanted
        if request.view is View.TRUST and result.trust is None:
            return lambda _token: result.measure_trust(), wanted
        return None

    def _step_for_background(
        self, result: PartialResult, _request: PreviewRequest
    ) -> tuple[Step, Region | None] | None:
        """One more tile of the current photo, for panning and saving."""
        return None if result.is_complete else (lambda token: self._timed_tile(result, None, token), None)

    def _export_step(self, export: ExportRequest, listener: Listener, cancel: CancelToken) -> None:
        """Run one step of an export."""
        try:
            if export.options.strength == 0:
                self._end_export(ExportEvent(export, finished=self._unchanged(export)), listener)
                return
            result = self._result(export.pyramid, inference_of(export.options))
            try:
                missing = result.clean_next(None, _AnyToken(cancel, export.cancel)) is not None
            except Cancelled:
                cancel.raise_if_cancelled()
                return
            listener(ExportEvent(export, result.progress))
            if not missing:
                finished = result.finish(export.options.look, export.mask)
                self._end_export(ExportEvent(export, finished=finished), listener)
        except Cancelled:
            raise
        except DenoiserError as error:
            self._end_export(ExportEvent(export, error=error), listener)

    def _unchanged(self, export: ExportRequest) -> FinishedPhoto:
        from denoiser.engine.canvas import Work

        session = self._session(inference_of(export.options))
        image = export.pyramid.image
        return FinishedPhoto.by(session, image, session.finish(Work(image, None)))

    def _end_export(self, event: ExportEvent, listener: Listener) -> None:
        with self._lock:
            if event.export in self._exports:
                self._exports.remove(event.export)
        listener(event)

    def _finishes(self, step: Step, region: Region | None, request: PreviewRequest, cancel: CancelToken) -> bool:
        """Run a step that a newer request may cancel; return whether it finished."""
        token = _AnyToken(cancel)
        with self._lock:
            self._running = (token, request, region)
            if request not in self._requests.values():
                self._cancel_useless_step()
        try:
            token.raise_if_cancelled()
            step(token)
            return True
        except Cancelled:
            cancel.raise_if_cancelled()
            return False
        finally:
            with self._lock:
                self._running = None

    def _cancel_useless_step(self) -> None:
        """Cancel the running step if no view needs it any more."""
        if self._running is None:
            return
        token, request, region = self._running
        place = request.pyramid.key, request.inference
        same = [each for each in self._requests.values() if (each.pyramid.key, each.inference) == place]
        seen = [each.viewport.visible_with_margin for each in same]
        result = self._results.get(place)
        if not same:
            token.cancel()
        elif region is None:  # a background tile: the views have priority
            if result is not None and not all(map(result.has, seen)):
                token.cancel()
        elif all(region.overlap(part) is None for part in seen):
            token.cancel()

    def _timed_tile(self, result: PartialResult, region: Region | None, cancel: CancelToken) -> None:
        began = time.perf_counter()
        done = result.clean_next(region, cancel)
        if done is not None and done.pixels > 10_000:
            speed = (time.perf_counter() - began) / (done.pixels / 1e6)
            self._speed = speed if not self._speed else 0.7 * self._speed + 0.3 * speed

    def _result(self, pyramid: ImagePyramid, inference: DenoiseOptions) -> PartialResult:
        place = (pyramid.key, inference)
        with self._lock:
            if place in self._results:
                self._results.move_to_end(place)
                return self._results[place]
        noise = self._noise.setdefault(pyramid.key, NoiseByLevel(pyramid))
        result = PartialResult(pyramid, self._session(inference), inference.noise_level, noise)
        with self._lock:
            self._results[place] = result
            self._make_room(place)
        return result

    def _make_room(self, newest: tuple[int, DenoiseOptions]) -> None:
        wanted = {newest, *((export.pyramid.key, inference_of(export.options)) for export in self._exports)}
        wanted |= {(request.pyramid.key, request.inference) for request in self._requests.values()}
        total = sum(result.bytes for result in self._results.values())
        for place in [place for place in self._results if place not in wanted]:
            if total <= _MOST_BYTES and len(self._results) <= _MOST_RESULTS:
                return
            total -= self._results.pop(place).bytes

    def _send_noise(self, key: int, listener: Listener) -> None:
        """Report the noise once per photo, after its first draft, which has priority."""
        with self._lock:
            noise = self._noise.get(key)
            if noise is None or key in self._noise_sent:
                return
            self._noise_sent.add(key)
        listener(NoiseEstimated(key, noise.at(0)))

    def _session(self, inference: DenoiseOptions) -> Session:
        """A session with these options; one session serves all noise levels."""
        options = dataclasses.replace(inference, noise_level=None)
        if options not in self._sessions:
            self._sessions[options] = _open_session(options)
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(options)
        return self._sessions[options]

    def _status(self, result: PartialResult, request: PreviewRequest) -> EngineStatus:
        session, seen = result.session, request.viewport.visible_with_margin
        exact = result.is_exact(seen)
        if exact and self._seen[0] != request.generation:
            self._seen = (request.generation, time.perf_counter() - self._requested_at)
        return EngineStatus(
            state=State.EXACT if exact else State.DRAFT,
            model=session.model_name,
            device=session.device,
            precision=session.precision,
            tile=session.tile,
            reason=f"{session.device_reason}; {session.precision_reason}",
            progress=result.progress,
            seconds_per_megapixel=self._speed,
            shown_megapixels=seen.pixels / 1e6,
            shown_seconds=self._seen[1],
            photo=request.pyramid.key,
            kept_share=result.kept_share,
        )


class _AnyToken(CancelToken):
    """Cancelled when it or one of the other tokens is cancelled."""

    def __init__(self, *others: CancelToken) -> None:
        super().__init__()
        self._others = others

    @property
    def cancelled(self) -> bool:
        return super().cancelled or any(other.cancelled for other in self._others)

    def raise_if_cancelled(self) -> None:
        super().raise_if_cancelled()
        for other in self._others:
            other.raise_if_cancelled()


def _open_session(options: DenoiseOptions) -> Session:
    from denoiser.engine.device import choose
    from denoiser.engine.session import Session

    if options.tile is None and choose(options.device).name == "cpu":
        options = dataclasses.replace(options, tile=TILE)
    return Session(options)
