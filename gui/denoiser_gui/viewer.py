"""Connects the window to the preview: sends requests, receives frames and events."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser.options import DenoiseOptions
from denoiser_gui.model.picture import Picture
from denoiser_gui.model.preview import Preview
from denoiser_gui.model.rendering import Renderer
from denoiser_gui.model.requests import (
    EngineEvent,
    EngineStatus,
    ExportDone,
    ExportFailed,
    ExportProgress,
    ExportRequest,
    Frame,
    NoiseEstimated,
    PreviewAdvanced,
    PreviewFailed,
    PreviewReached,
    PreviewRequest,
    ReplacementImage,
    State,
    View,
)
from denoiser_gui.model.viewport import Viewport, viewport_of
from denoiser_gui.qt import QObject, Qt, QTimer, Signal
from denoiser_gui.worker import WorkerThread

if TYPE_CHECKING:
    from denoiser_gui.model.requests import Finished

_BEHIND = 5  # niceness of the engine thread, so that the window stays responsive
_CALM_MS = 60  # delay after the last change before the overview is rendered again


@dataclass(frozen=True, slots=True, eq=False)
class _Callbacks:
    """Callbacks of an export."""

    done: Callable[[Finished], None]
    failed: Callable[[DenoiserError], None]
    progress: Callable[[float], None]


class Viewer(QObject):
    """What is displayed, and how. GUI thread; the work runs in two worker threads."""

    frame_ready = Signal(object)  # Frame
    overview_ready = Signal(object)  # Overview
    doing_changed = Signal(object)  # EngineStatus
    viewport_changed = Signal(object)  # Viewport or None
    view_changed = Signal(object)  # View
    estimated = Signal(int, object)  # key of a photo, NoiseEstimate
    broken = Signal(int, object)  # key, DenoiserError: it cannot be processed
    _event_arrived = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._preview, self._renderer = Preview(), Renderer()
        self._engine_thread = WorkerThread("engine", self, niceness=_BEHIND)
        self._render_thread = WorkerThread("render", self)
        self._picture: Picture | None = None
        self._options = DenoiseOptions()
        self._pane = (1, 1)
        self._screen: bytes | None = None
        self._left: ReplacementImage | None = None
        self._right: ReplacementImage | None = None
        self._generation = 0
        self._waiting: dict[ExportRequest, _Callbacks] = {}
        self.view = View.SIDE_BY_SIDE
        self.viewport: Viewport | None = None
        self.request: PreviewRequest | None = None
        self.doing = EngineStatus(State.WAITING)
        self._event_arrived.connect(self._handle, Qt.ConnectionType.QueuedConnection)
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(_CALM_MS)
        self._calm.timeout.connect(self._ask_for_overview)

    @property
    def picture(self) -> Picture | None:
        """The current photo, once it is read."""
        return self._picture

    @property
    def is_working(self) -> bool:
        """Whether a worker thread is busy."""
        return not (self._engine_thread.is_idle() and self._render_thread.is_idle())

    def is_current(self, frame: Frame) -> bool:
        """Whether a frame matches the current request: photo, options, view and visible part."""
        now, then = self.request, frame.request
        if now is None:
            return False
        same = now.picture is then.picture and now.options == then.options and now.view is then.view
        same = same and now.left is then.left and now.right is then.right and now.screen == then.screen
        return same and now.viewport.scale == then.viewport.scale and frame.area.contains(now.viewport.visible)

    def warm_up(self) -> None:
        """Load the model in advance."""
        self._engine_thread.submit("warm", self._preview.warm_up)

    def show(self, picture: Picture | None, options: DenoiseOptions) -> None:
        """Show another photo, or none."""
        self._picture, self._options = picture, options
        self._left = self._right = None
        if picture is None:
            self.viewport = None
        else:
            height, width = picture.image.height, picture.image.width
            before = self.viewport or viewport_of(width, height, *self._pane)
            self.viewport = before.on(width, height).resized(*self._pane)
        self.viewport_changed.emit(self.viewport)
        self._ask()

    def set_options(self, options: DenoiseOptions) -> None:
        """Change the options."""
        if options != self._options:
            self._options = options
            self._ask()

    def set_view(self, view: View) -> None:
        """Change the view."""
        if view is not self.view:
            self.view = view
            self.view_changed.emit(view)
            self._ask()

    def set_pane(self, width: int, height: int) -> None:
        """Set the size of the panes in device pixels."""
        if (width, height) != self._pane:
            self._pane = (max(width, 1), max(height, 1))
            if self.viewport is not None:
                self.look_through(self.viewport.resized(*self._pane))

    def look_through(self, viewport: Viewport) -> None:
        """Change the visible part or the zoom."""
        if viewport != self.viewport:
            self.viewport = viewport
            self.viewport_changed.emit(viewport)
            self._ask()

    def set_screen(self, profile: bytes | None) -> None:
        """Set the display profile; None for sRGB."""
        self._screen = profile
        self._ask()

    def show_instead(self, left: ReplacementImage | None, right: ReplacementImage | None) -> None:
        """Show other images of the same size in the panes; None restores a pane."""
        self._left, self._right = left, right
        self._ask()

    @property
    def shown_instead(self) -> tuple[ReplacementImage | None, ReplacementImage | None]:
        """The images shown instead of the photo."""
        return self._left, self._right

    def try_again(self) -> None:
        """Try again after an error."""
        self._preview.try_again()
        self._ask()

    def forget(self, key: int) -> None:
        """Drop the data of a closed photo."""
        self._preview.forget(key)

    def make(
        self,
        picture: Picture,
        options: DenoiseOptions,
        *,
        done: Callable[[Finished], None],
        failed: Callable[[DenoiserError], None],
        progress: Callable[[float], None] = lambda _: None,
        cancel: CancelToken | None = None,
    ) -> None:
        """Denoise a whole photo for saving, reusing finished tiles."""
        export = ExportRequest(picture, options, cancel or CancelToken())
        self._waiting[export] = _Callbacks(done, failed, progress)
        if self._preview.export(export):
            self._begin_work()

    def begin_to_stop(self) -> tuple[WorkerThread, ...]:
        """Cancel all requests; return the workers to stop."""
        self._calm.stop()
        self._preview.ask(None)
        return self._engine_thread, self._render_thread

    def _ask(self) -> None:
        if self._picture is None or self.viewport is None:
            self.request = None
            self._preview.ask(None)
            return
        self._generation += 1
        self.request = PreviewRequest(
            self._generation,
            self._picture,
            self._options,
            self.viewport,
            self.view,
            self._left,
            self._right,
            self._screen,
        )
        if self._preview.ask(self.request):
            self._begin_work()
        self._ask_for_frame()
        self._calm.start()

    def _begin_work(self) -> None:
        self._engine_thread.submit("work", lambda cancel: self._preview.work(self._event_arrived.emit, cancel))

    def _ask_for_frame(self) -> None:
        request = self.request
        if request is not None:
            self._render_thread.submit(
                "frame",
                lambda _: self._renderer.frame(request, self._preview.cleaning(request)),
                self.frame_ready.emit,
            )

    def _ask_for_overview(self) -> None:
        request = self.request
        if request is not None:
            self._render_thread.submit(
                "overview",
                lambda _: self._renderer.overview(request, self._preview.cleaning(request)),
                self.overview_ready.emit,
            )

    def _handle(self, event: EngineEvent) -> None:
        match event:
            case NoiseEstimated():
                self.estimated.emit(event.key, event.estimate)
            case PreviewAdvanced():
                self._advance(event)
            case PreviewReached():
                if self.request is not None and self.request.picture.key == event.key:
                    self._set_doing(event.doing)
            case PreviewFailed():
                self._set_doing(dataclasses.replace(self.doing, state=State.FAILED))
                self.broken.emit(event.key, event.error)
            case ExportProgress():
                if (waiting := self._waiting.get(event.export)) is not None:
                    waiting.progress(event.progress)
            case ExportDone():
                self._waiting.pop(event.export).done(event.finished)
            case ExportFailed():
                self._waiting.pop(event.export).failed(event.error)

    def _advance(self, event: PreviewAdvanced) -> None:
        request = self.request
        if request is None or request.picture.key != event.key:
            return
        self._set_doing(event.doing)
        self._ask_for_frame()
        self._calm.start()

    def _set_doing(self, doing: EngineStatus) -> None:
        self.doing = doing
        self.doing_changed.emit(doing)
