"""Connects the window to the preview: sends requests, receives frames and events."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from denoiser.events import CancelToken
from denoiser.options import DenoiseOptions, controls
from denoiser_gui.model.devices import usable_devices
from denoiser_gui.model.mask import Mask
from denoiser_gui.model.preview import MAIN, PLACES, Preview
from denoiser_gui.model.pyramid import ImagePyramid
from denoiser_gui.model.rendering import Renderer
from denoiser_gui.model.requests import (
    DEFAULT_GAIN,
    EngineEvent,
    EngineStatus,
    ExportEvent,
    ExportRequest,
    NoiseEstimated,
    PixelsArrived,
    PreviewFailed,
    PreviewFrame,
    PreviewRequest,
    ReplacementImage,
    State,
    View,
)
from denoiser_gui.model.viewport import Viewport, viewport_of
from denoiser_gui.qt import QObject, Qt, QTimer, Signal
from denoiser_gui.worker import WorkerThread

_NICENESS = 5  # of the engine thread, so that the window stays responsive
_OVERVIEW_DELAY_MS = 60  # after the last change, before the overview is rendered again


class Viewer(QObject):
    """What is displayed, and how. GUI thread; the work runs in two worker threads.

    With *main*, this is another view of the photo of that viewer: it has its own zoom, part and view, and shares
    threads and results. *place* is its name among PLACES.
    """

    frame_ready = Signal(object)  # PreviewFrame
    overview_ready = Signal(object)  # Overview
    status_changed = Signal(object)  # EngineStatus
    viewport_changed = Signal(object)  # Viewport or None
    view_changed = Signal(object)  # View
    noise_estimated = Signal(int, object)  # key of a photo, NoiseEstimate
    failed = Signal(int, object)  # key, DenoiserError: it cannot be processed
    devices_found = Signal(object)  # tuple[str, ...]: those that this machine has
    source_changed = Signal()  # photo, options or display profile
    pixels_changed = Signal()
    _event_arrived = Signal(object)

    def __init__(self, parent: QObject | None = None, *, main: Viewer | None = None, place: str = MAIN) -> None:
        super().__init__(parent)
        self._renderer, self._main, self._place = Renderer(), main, place
        if main is None:
            self._preview = Preview()
            self._engine_thread = WorkerThread("engine", self, niceness=_NICENESS)
            self._render_thread = WorkerThread("render", self)
        else:
            self._preview, self._engine_thread = main._preview, main._engine_thread
            self._render_thread = main._render_thread
            self.is_followed = False
            main.source_changed.connect(self._follow)
            main.pixels_changed.connect(self._render)
        self._options = DenoiseOptions()
        self._mask: Mask | None = None
        self._pane = (1, 1)
        self._display_profile: bytes | None = None
        self.gain = DEFAULT_GAIN  # of the difference
        self._trust_colour = "amber"
        self._snapshot: DenoiseOptions | None = None
        self._snapshot_mask: Mask | None = None
        self._generation = 0
        self.pyramid: ImagePyramid | None = None  # the current photo, once it is read
        self.replacements: tuple[ReplacementImage | None, ReplacementImage | None] = (None, None)
        self.view = View.SIDE_BY_SIDE
        self.viewport: Viewport | None = None
        self._chosen: Viewport | None = None  # by the user, for this photo or an earlier one
        self.request: PreviewRequest | None = None
        self.status = EngineStatus(State.WAITING)
        self._event_arrived.connect(self._handle, Qt.ConnectionType.QueuedConnection)
        self._overview_timer = QTimer(self, singleShot=True, interval=_OVERVIEW_DELAY_MS)
        self._overview_timer.timeout.connect(self._render_overview)

    @property
    def is_working(self) -> bool:
        """Whether a worker thread is busy."""
        return not (self._engine_thread.is_idle() and self._render_thread.is_idle())

    @property
    def has_failed(self) -> bool:
        """Whether the current photo cannot be denoised with its options."""
        request = self.request
        return request is not None and request.options.strength > 0 and self._preview.error_of(request) is not None

    def is_current(self, frame: PreviewFrame) -> bool:
        """Whether a frame matches the current request: photo, options, view and visible part."""
        now, then = self.request, frame.request
        if now is None or not frame.region.contains(now.viewport.visible):
            return False
        names = ("pyramid", "options", "mask", "view", "left", "right", "display_profile", "gain", "trust_colour")
        same = all(getattr(now, name) == getattr(then, name) for name in (*names, "snapshot", "snapshot_mask"))
        return same and now.viewport.scale == then.viewport.scale

    def warm_up(self) -> None:
        """Load the model in advance."""
        self._engine_thread.submit("warm up", self._preview.warm_up)
        names = tuple(str(name) for name in controls(DenoiseOptions)["device"].choices)
        self._engine_thread.submit("devices", lambda _: usable_devices(names), self.devices_found.emit)

    def show(self, pyramid: ImagePyramid | None, options: DenoiseOptions, mask: Mask | None = None) -> None:
        """Show another photo, or none."""
        self.pyramid, self._options, self._mask = pyramid, options, mask
        self.replacements = (None, None)
        if pyramid is None:
            self.viewport = None
        else:
            height, width = pyramid.image.height, pyramid.image.width
            chosen = self._chosen or viewport_of(width, height, *self._pane)
            self.viewport = chosen.resized(*self._pane).for_photo(width, height)
        self.viewport_changed.emit(self.viewport)
        self._request_preview()

    def set_options(self, options: DenoiseOptions, mask: Mask | None = None) -> None:
        """Change the options and the mask."""
        if (options, mask) != (self._options, self._mask):
            self._options, self._mask = options, mask
            self._request_preview()

    def set_view(self, view: View) -> None:
        """Change the view."""
        if view is not self.view:
            self.view = view
            self.view_changed.emit(view)
            self._request_preview()

    def set_pane(self, width: int, height: int) -> None:
        """Set the size of the panes in device pixels."""
        if (width, height) != self._pane:
            self._pane = (max(width, 1), max(height, 1))
            if self.viewport is not None:
                self._put(self.viewport.resized(*self._pane))

    @property
    def zoom(self) -> float:
        """The zoom that the next photo gets; 0 to show all of it."""
        return 0.0 if self._chosen is None or self._chosen.fits else self._chosen.scale

    def start_zoom(self, scale: float) -> None:
        """Set the zoom of the first photo, around its centre; 0 shows all of it."""
        self._chosen = Viewport(1, 1, *self._pane, scale, 0.5, 0.5, fits=False) if scale else None

    def set_viewport(self, viewport: Viewport) -> None:
        """Change the visible part or the zoom, also for the next photos."""
        self._chosen = viewport
        self._put(viewport)

    def _put(self, viewport: Viewport) -> None:
        if viewport != self.viewport:
            self.viewport = viewport
            self.viewport_changed.emit(viewport)
            self._request_preview()

    def set_display_profile(self, profile: bytes | None) -> None:
        """Set the display profile; None for sRGB."""
        self._display_profile = profile
        self._request_preview()

    def set_gain(self, gain: int) -> None:
        """Set the amplification of the difference."""
        if gain != self.gain:
            self.gain = gain
            self._request_preview()

    def set_snapshot(self, options: DenoiseOptions | None, mask: Mask | None = None) -> None:
        """Show the photo with these options and mask as the left image; None shows the source again."""
        if (options, mask) != (self._snapshot, self._snapshot_mask):
            self._snapshot, self._snapshot_mask = options, mask
            self._request_preview()

    def follow(self, on: bool) -> None:
        """Show the photo of the main viewer, or none."""
        self.is_followed = on
        self._follow()

    def _follow(self) -> None:
        main = self._main
        if main is None:
            return
        pyramid = main.pyramid if self.is_followed else None
        followed = ("_options", "_mask", "_display_profile", "gain", "_trust_colour", "_snapshot", "_snapshot_mask")
        changed = [name for name in followed if getattr(self, name) != getattr(main, name)]
        for name in changed:
            setattr(self, name, getattr(main, name))
        if pyramid is not self.pyramid:
            self.show(pyramid, self._options, self._mask)
        elif pyramid is not None and changed:
            self._request_preview()

    def set_trust_colour(self, name: str) -> None:
        """Set the colour of the view of trust: a key of TRUST_COLOURS."""
        if name != self._trust_colour:
            self._trust_colour = name
            self._request_preview()

    def show_instead(self, left: ReplacementImage | None, right: ReplacementImage | None) -> None:
        """Show other images of the same size in the panes; None restores a pane."""
        self.replacements = (left, right)
        self._request_preview()

    def try_again(self) -> None:
        """Try again after an error."""
        self._preview.try_again()
        self._request_preview()

    def forget(self, key: int) -> None:
        """Drop the data of a closed photo."""
        self._preview.forget(key)

    def export(self, request: ExportRequest) -> None:
        """Denoise a whole photo for saving, reusing finished tiles."""
        if self._preview.export(request):
            self._begin_work()

    def begin_to_stop(self) -> tuple[WorkerThread, ...]:
        """Cancel all requests; return the workers to stop."""
        self._overview_timer.stop()
        for place in PLACES:
            self._preview.set_request(None, place)
        return self._engine_thread, self._render_thread

    def _request_preview(self) -> None:
        if self.pyramid is None or self.viewport is None:
            self.request = None
            self._preview.set_request(None, self._place)
            if self._main is None:
                self._preview.set_request(None, "snapshot")
            self.source_changed.emit()
            return
        self._generation += 1
        self.request = PreviewRequest(
            self._generation,
            self.pyramid,
            self._options,
            self.viewport,
            self.view,
            *self.replacements,
            self._display_profile,
            self.gain,
            self._trust_colour,
            self._snapshot,
            self._mask,
            self._snapshot_mask,
        )
        starts = self._preview.set_request(self.request, self._place)
        if self._main is None:
            starts |= self._preview.set_request(self.request.of_snapshot, "snapshot")
        if starts:
            self._begin_work()
        self._render()
        self.source_changed.emit()

    def _begin_work(self) -> None:
        emit = (self._main or self)._event_arrived.emit
        self._engine_thread.submit("work", lambda cancel: self._preview.work(emit, cancel))

    def _render(self) -> None:
        """Render a frame now, and the overview once there are no further changes."""
        if self.request is not None:
            self._submit_rendering("frame", self._renderer.frame, self.frame_ready.emit)
            self._overview_timer.start()

    def _render_overview(self) -> None:
        self._submit_rendering("overview", self._renderer.overview, self.overview_ready.emit)

    def _submit_rendering(self, kind: str, render: Callable[..., Any], done: Callable[[Any], None]) -> None:
        request = self.request
        if request is not None:
            requests = [each for each in (request, request.of_snapshot) if each is not None]

            def job(_: CancelToken) -> Any:
                return render(request, *map(self._preview.result, requests))

            self._render_thread.submit(f"{kind} {self._place}", job, done)

    def _handle(self, event: EngineEvent) -> None:
        match event:
            case EngineStatus():
                if self.request is not None and self.request.pyramid.key == event.photo:
                    self._set_status(event)
                    if event.has_new_pixels:
                        self._show_new_pixels()
            case PixelsArrived():
                if self.request is not None and self.request.pyramid.key == event.key:
                    self._show_new_pixels()
            case NoiseEstimated():
                self.noise_estimated.emit(event.key, event.estimate)
            case PreviewFailed():
                self._set_status(dataclasses.replace(self.status, state=State.FAILED))
                self.failed.emit(event.key, event.error)
            case ExportEvent():
                event.report()

    def _show_new_pixels(self) -> None:
        self._render()
        self.pixels_changed.emit()

    def _set_status(self, status: EngineStatus) -> None:
        self.status = status
        self.status_changed.emit(status)
