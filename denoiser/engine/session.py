"""Weights loaded once, many pictures cleaned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from denoiser import models
from denoiser.engine import pipeline
from denoiser.engine.budget import Budget, make_budget
from denoiser.engine.canvas import Canvas, Scale, scale_of
from denoiser.engine.device import choose
from denoiser.engine.footprint import bytes_per_pixel
from denoiser.engine.memory import free_bytes
from denoiser.engine.precision import choose_precision
from denoiser.engine.result import Cleaned, Work
from denoiser.engine.runner import NetworkRunner
from denoiser.engine.tiled import TiledCleaner, TileListener
from denoiser.errors import DenoiserError
from denoiser.events import CancelToken, Listener, TileDone, ignore
from denoiser.image import Image
from denoiser.networks.conditioning import Condition
from denoiser.options import DenoiseOptions

Name = TypeVar("Name")


class Session:
    """A network on its device, ready to clean one picture after another. Threads take turns, batch by batch."""

    def __init__(self, options: DenoiseOptions) -> None:
        self._options = options
        device = choose(options.device)
        self._model = model = models.load(models.find(options.model, device.name))
        self._bytes_per_pixel = bytes_per_pixel(model.network)
        self.model_name, self.model_digest = model.name, model.digest
        self.device, self.device_reason = device.name, device.reason
        runner = NetworkRunner(model.network, device.name)
        precision = choose_precision(options.precision, device.name, model)
        runner.precision = precision.name
        self.precision, self.precision_reason = precision.name, precision.reason
        may_fall_back = options.device == "auto" and device.name != "cpu"
        self._cleaner = TiledCleaner(
            runner, model.spec, self._budget(device.name), on_cpu=self._onto_cpu if may_fall_back else None
        )

    @property
    def tile(self) -> int:
        """A tile has at most the area of a square of this side, in pixels."""
        return self._cleaner.budget.tile

    @property
    def batch_size(self) -> int:
        """How many tiles are given to the device at once."""
        return self._cleaner.budget.batch

    def clean(self, image: Image, *, listener: Listener = ignore, cancel: CancelToken | None = None) -> Cleaned:
        """Never changes *image*; stops within one layer of *cancel* with Cancelled."""
        work = self.prepare(image)
        if work.canvas is not None:
            self._run(work.canvas, lambda canvas: listener(pipeline.progress(canvas, image)), cancel)
        return self.finish(work)

    def clean_many(
        self,
        pictures: Iterable[tuple[Name, Image]],
        *,
        told: Callable[[Name, TileDone], None] = lambda _name, _event: None,
        cancel: CancelToken | None = None,
    ) -> Iterator[tuple[Name, Cleaned | DenoiserError]]:
        """Each picture's result under its own name, in the order in which they are done.

        *pictures* is read in one thread and the network runs in another, so that decoding, computing and what the
        caller does with a result overlap; a few pictures wait in between. *told* is called in the
        calling thread. The error of one picture is a value; Cancelled and what *pictures* raises end the stream.
        When the iterator ends or is closed, no thread is left.
        """
        waiting = self._cleaner.budget.bytes_waiting
        return pipeline.stream(pictures, self, bytes_waiting=waiting, told=told, cancel=cancel or CancelToken())

    def clean_values(
        self, noisy: NDArray[np.float32], condition: Condition, *, cancel: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """Bare values (H, W, 3) where 0..1 is black to white, told exactly *condition*; for measuring."""
        canvas = Canvas(noisy, Scale(1.0, None), condition)
        self._run(canvas, lambda _canvas: None, cancel)
        return canvas.result

    def prepare(self, image: Image) -> Work:
        """What is to be computed for *image*, if anything."""
        options = self._options
        if options.strength == 0 or options.noise_level == 0:
            return Work(image, None)
        scale = scale_of(image)
        condition = _condition(image, options.noise_level, scale)
        return Work(image, Canvas(image.pixels, scale, condition, options.strength))

    def compute(
        self, canvases: Iterable[Canvas | None], *, told: TileListener, cancel: CancelToken
    ) -> Iterator[Canvas]:
        """Each canvas when the network is through with it."""
        return self._cleaner.clean(canvases, told=told, cancel=cancel)

    def finish(self, work: Work) -> Cleaned:
        """The result of what was computed."""
        image, canvas = work.image, work.canvas
        if canvas is None:
            return Cleaned(image, time.perf_counter() - work.began)
        if image.alpha is not None:
            # Nobody sees colours under full transparency, and some programs keep things there.
            np.copyto(canvas.result, image.pixels, where=(image.alpha == 0)[:, :, np.newaxis])
        return Cleaned(
            image.with_pixels(canvas.result),
            time.perf_counter() - work.began,
            (*image.notes, *canvas.notes),
            device=self.device,
            precision=self.precision,
            tile=self.tile,
        )

    def _run(self, canvas: Canvas, told: TileListener, cancel: CancelToken | None) -> None:
        for _ in self._cleaner.clean([canvas], told=told, cancel=cancel or CancelToken()):
            pass

    def _budget(self, device: str) -> Budget:
        return make_budget(
            self._options,
            device,
            self._model.spec,
            free=free_bytes(device),
            bytes_per_pixel=self._bytes_per_pixel,
        )

    def _onto_cpu(self) -> Budget:
        """The last resort when a graphics card that was not asked for by name has no memory left."""
        self._cleaner.runner.move_to("cpu")
        precision = choose_precision(self._options.precision, "cpu", self._model)
        self._cleaner.runner.precision = precision.name
        self.device, self.device_reason = "cpu", "the graphics card had no memory left"
        self.precision, self.precision_reason = precision.name, precision.reason
        return self._budget("cpu")


def _condition(image: Image, noise_level: float | None, scale: Scale) -> Condition:
    if noise_level is None:
        return Condition()
    told = noise_level * image.white / scale.one
    # The same noise in all three channels has no chroma, and its luma reads sqrt(3) of one channel's.
    return Condition(told * 3**0.5, 0.0) if image.channels == 1 else Condition(told, told)
