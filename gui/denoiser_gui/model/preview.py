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
from denoiser_gui.model.cleaning import Cleaning, Estimates
from denoiser_gui.model.picture import Picture
from denoiser_gui.model.requests import (
    EngineEvent,
    EngineStatus,
    ExportDone,
    ExportFailed,
    ExportProgress,
    ExportRequest,
    Finished,
    Listener,
    NoiseEstimated,
    PreviewAdvanced,
    PreviewFailed,
    PreviewReached,
    PreviewRequest,
    State,
    View,
    finished,
    inference_of,
)
from denoiser_gui.model.viewport import Area

if TYPE_CHECKING:
    from denoiser.engine.looks import Look
    from denoiser.engine.session import Session

_MOST_BYTES = 1_200_000_000  # of denoised photos in memory: three of 24 MP with all their copies
_MOST_CLEANINGS = 24  # drafts are small, and undo returns to them
_MOST_SESSIONS = 2
# Default on a CPU: a view of one megapixel needs 3 to 4 megapixels of such tiles, and 4.6 to 6 of the largest
# tiles. The whole photo takes a fifth longer. The copied command names the tile size.
TILE = 512


class Preview:
    """Called by the GUI thread without blocking, run by the engine thread, read by the render thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._request: PreviewRequest | None = None
        self._asked_at = 0.0
        self._exports: list[ExportRequest] = []
        self._step: tuple[CancelToken, DenoiseOptions, int, Area | None] | None = None  # the running step
        self._working = False
        self._cleanings: OrderedDict[tuple[int, DenoiseOptions], Cleaning] = OrderedDict()
        self._estimates: dict[int, Estimates] = {}
        self._noise_sent: set[int] = set()  # photos whose noise was reported
        self._sessions: OrderedDict[DenoiseOptions, Session] = OrderedDict()
        self._broken: dict[tuple[int, DenoiseOptions], DenoiserError] = {}
        self._speed = 0.0
        self._reached = 0  # generation of the last reported request
        self._seen: tuple[int, float] = (0, 0.0)  # generation that became exact, and after how many seconds

    def ask(self, request: PreviewRequest | None) -> bool:
        """Set the current request and cancel work it makes obsolete; return whether `work` must be started."""
        with self._lock:
            newest, self._request = self._request, request
            if request is not None and (newest is None or newest.generation != request.generation):
                self._asked_at = time.perf_counter()
            if self._step is not None and self._is_useless(self._step):
                self._step[0].cancel()
            return request is not None and self._start_work()

    def export(self, export: ExportRequest) -> bool:
        """Add an export; return whether `work` must be started."""
        with self._lock:
            self._exports.append(export)
            return self._start_work()

    def forget(self, key: int) -> None:
        """Drop all data of a closed photo."""
        with self._lock:
            self._estimates.pop(key, None)
            self._noise_sent.discard(key)
            for place in [place for place in self._cleanings if place[0] == key]:
                del self._cleanings[place]

    def try_again(self) -> None:
        """Forget errors, so that the next request tries again."""
        with self._lock:
            self._broken.clear()

    def cleaning(self, request: PreviewRequest) -> Cleaning | None:
        """The denoised pixels for a request, if any; for the render thread."""
        with self._lock:
            return self._cleanings.get((request.picture.key, request.inference))

    def fault(self, request: PreviewRequest) -> DenoiserError | None:
        """The error that a request failed with, if any."""
        with self._lock:
            return self._broken.get((request.picture.key, request.inference))

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
        begins = not self._working
        self._working = True
        return begins

    def _one_step(self, listener: Listener, cancel: CancelToken) -> bool:
        """Run one step; return whether there was one."""
        with self._lock:
            request = self._request
            self._exports = [export for export in self._exports if not export.cancel.cancelled]
            export = self._exports[0] if self._exports else None
        if request is not None and self._view_step(request, listener, cancel):
            return True
        if export is not None:
            self._export_step(export, listener, cancel)
            return True
        if request is not None and self._background_step(request, listener, cancel):
            return True
        with self._lock:
            if self._request is not request or self._exports:
                return True
            self._working = False
            return False

    def _view_step(self, request: PreviewRequest, listener: Listener, cancel: CancelToken) -> bool:
        """Bring the view one step closer to exact; return False if it is exact."""
        if request.options.strength == 0 or self.fault(request) is not None:
            return False
        key = request.picture.key
        try:
            cleaning = self._cleaning(request.picture, request.inference)
            step = self._step_for(cleaning, request)
            if step is None:
                self._send_reached(cleaning, request, listener)
                return False
            if self._guarded(step, request, request.viewport.wanted, cancel):
                listener(PreviewAdvanced(key, self._doing(cleaning, request)))
                self._send_noise(key, listener)
        except Cancelled:
            raise
        except DenoiserError as error:
            self._note_fault(request, error, listener)
        return True

    def _step_for(self, cleaning: Cleaning, request: PreviewRequest) -> Callable[[CancelToken], object] | None:
        """The next step towards an exact view, if any."""
        picture, viewport = request.picture, request.viewport
        wanted = viewport.wanted
        level = picture.clamped(viewport.level)
        if not cleaning.is_exact(wanted):
            guess = cleaning.to_draft(level, wanted.shrunk(level))
            if guess is not None:
                return lambda token: cleaning.draft(level, guess, token)
            return lambda token: self._timed(cleaning, wanted, token)
        look = _look(request.options)
        if not cleaning.is_complete:
            return None  # background work: the look needs statistics of the whole photo
        if not cleaning.is_measured(look):
            return lambda _token: cleaning.measure(look)
        far = viewport.scale < 1 and (look.detail or look.grain)
        if far and cleaning.settled(look, level) is None:
            return lambda token: cleaning.settle(look, token)
        if request.view is View.TRUST and cleaning.trust is None:
            return lambda _token: cleaning.measure_trust()
        return None

    def _export_step(self, export: ExportRequest, listener: Listener, cancel: CancelToken) -> None:
        """Run one step of an export."""
        try:
            if export.options.strength == 0:
                self._end_export(export, listener, ExportDone(export, self._untouched(export)))
                return
            cleaning = self._cleaning(export.picture, inference_of(export.options))
            try:
                missing = cleaning.clean_next(None, _AnyToken(cancel, export.cancel)) is not None
            except Cancelled:
                cancel.raise_if_cancelled()
                return
            listener(ExportProgress(export, cleaning.progress))
            if not missing:
                self._end_export(export, listener, ExportDone(export, cleaning.finish(_look(export.options))))
        except Cancelled:
            raise
        except DenoiserError as error:
            self._end_export(export, listener, ExportFailed(export, error))

    def _untouched(self, export: ExportRequest) -> Finished:
        from denoiser.engine.canvas import Work

        session = self._session(inference_of(export.options))
        image = export.picture.image
        return finished(image, session.finish(Work(image, None)), session)

    def _background_step(self, request: PreviewRequest, listener: Listener, cancel: CancelToken) -> bool:
        """Compute one more tile of the current photo in the background, for panning and saving."""
        cleaning = self.cleaning(request)
        if cleaning is None or cleaning.is_complete or self.fault(request) or request.options.strength == 0:
            return False
        try:
            if self._guarded(lambda token: self._timed(cleaning, None, token), request, None, cancel):
                listener(PreviewAdvanced(request.picture.key, self._doing(cleaning, request)))
        except Cancelled:
            raise
        except DenoiserError as error:
            self._note_fault(request, error, listener)
        return True

    def _note_fault(self, request: PreviewRequest, error: DenoiserError, listener: Listener) -> None:
        """Store and report an error; the request is not tried again until `try_again`."""
        with self._lock:
            self._broken[request.picture.key, request.inference] = error
        listener(PreviewFailed(request.picture.key, error))

    def _guarded(
        self,
        step: Callable[[CancelToken], object],
        request: PreviewRequest,
        area: Area | None,
        cancel: CancelToken,
    ) -> bool:
        """Run a step that a newer request may cancel; return whether it finished."""
        token = _AnyToken(cancel)
        with self._lock:
            self._step = (token, request.inference, request.picture.key, area)
            if self._request is not request and self._is_useless(self._step):
                token.cancel()
        try:
            token.raise_if_cancelled()
            step(token)
            return True
        except Cancelled:
            cancel.raise_if_cancelled()
            return False
        finally:
            with self._lock:
                self._step = None

    def _is_useless(self, step: tuple[CancelToken, DenoiseOptions, int, Area | None]) -> bool:
        """Whether the newest request does not need the running step."""
        _, inference, key, area = step
        newest = self._request
        if newest is None or newest.picture.key != key or newest.inference != inference:
            return True
        seen = newest.viewport.wanted
        if area is None:  # a background tile: the view has priority
            cleaning = self._cleanings.get((key, inference))
            return cleaning is not None and not cleaning.is_exact(seen)
        return not _meet(area, seen)

    def _timed(self, cleaning: Cleaning, area: Area | None, cancel: CancelToken) -> None:
        began = time.perf_counter()
        done = cleaning.clean_next(area, cancel)
        if done is not None and done.pixels > 10_000:
            speed = (time.perf_counter() - began) / (done.pixels / 1e6)
            self._speed = speed if not self._speed else 0.7 * self._speed + 0.3 * speed

    def _cleaning(self, picture: Picture, inference: DenoiseOptions) -> Cleaning:
        place = (picture.key, inference)
        with self._lock:
            known = self._cleanings.get(place)
            if known is not None:
                self._cleanings.move_to_end(place)
                return known
        estimates = self._estimates.get(picture.key)
        if estimates is None:
            self._estimates[picture.key] = estimates = Estimates(picture)
        cleaning = Cleaning(picture, self._session(inference), inference.noise_level, estimates)
        with self._lock:
            self._cleanings[place] = cleaning
            self._make_room(place)
        return cleaning

    def _send_reached(self, cleaning: Cleaning, request: PreviewRequest, listener: Listener) -> None:
        """Report PreviewReached once per request."""
        if self._reached != request.generation:
            self._reached = request.generation
            listener(PreviewReached(request.picture.key, self._doing(cleaning, request)))
            self._send_noise(request.picture.key, listener)

    def _send_noise(self, key: int, listener: Listener) -> None:
        """Report the noise once per photo, after its first draft, which has priority."""
        with self._lock:
            estimates = self._estimates.get(key)
            if estimates is None or key in self._noise_sent:
                return
            self._noise_sent.add(key)
        listener(NoiseEstimated(key, estimates.at(0)))

    def _make_room(self, newest: tuple[int, DenoiseOptions]) -> None:
        wanted = {newest, *((export.picture.key, inference_of(export.options)) for export in self._exports)}
        total = sum(cleaning.bytes for cleaning in self._cleanings.values())
        for place in [place for place in self._cleanings if place not in wanted]:
            if total <= _MOST_BYTES and len(self._cleanings) <= _MOST_CLEANINGS:
                return
            total -= self._cleanings.pop(place).bytes

    def _session(self, inference: DenoiseOptions) -> Session:
        """A session with these options; one session serves all noise levels."""
        asked = dataclasses.replace(inference, noise_level=None)
        if asked not in self._sessions:
            self._sessions[asked] = _opened(asked)
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(asked)
        return self._sessions[asked]

    def _doing(self, cleaning: Cleaning, request: PreviewRequest) -> EngineStatus:
        session, seen = cleaning.session, request.viewport.wanted
        exact = cleaning.is_exact(seen)
        if exact and self._seen[0] != request.generation:
            self._seen = (request.generation, time.perf_counter() - self._asked_at)
        return EngineStatus(
            state=State.EXACT if exact else State.DRAFT,
            model=session.model_name,
            device=session.device,
            precision=session.precision,
            tile=session.tile,
            reason=f"{session.device_reason}; {session.precision_reason}",
            progress=cleaning.progress,
            seconds_per_megapixel=self._speed,
            shown_megapixels=seen.pixels / 1e6,
            shown_seconds=self._seen[1],
            photo=request.picture.key,
            kept_share=cleaning.kept_share,
        )

    def _end_export(self, export: ExportRequest, listener: Listener, event: EngineEvent) -> None:
        with self._lock:
            if export in self._exports:
                self._exports.remove(export)
        listener(event)


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


def _opened(asked: DenoiseOptions) -> Session:
    from denoiser.engine import open_session
    from denoiser.engine.device import choose

    if asked.tile is None and choose(asked.device).name == "cpu":
        asked = dataclasses.replace(asked, tile=TILE)
    return open_session(asked)


def _look(options: DenoiseOptions) -> Look:
    from denoiser.engine.looks import look_of

    return look_of(options)


def _meet(one: Area, other: Area) -> bool:
    down = one.top < other.bottom and other.top < one.bottom
    return down and one.left < other.right and other.left < one.right
