"""Weights loaded once, many pictures cleaned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from denoiser import models
from denoiser.engine import guard, pipeline
from denoiser.engine.budget import Budget, make_budget
from denoiser.engine.canvas import Canvas, Scale, scale_of
from denoiser.engine.device import choose
from denoiser.engine.footprint import bytes_per_pixel
from denoiser.engine.gradual import Gradual
from denoiser.engine.looks import Look, Looks, look_of
from denoiser.engine.memory import free_bytes
from denoiser.engine.precision import choose_precision
from denoiser.engine.result import Cleaned, Work
from denoiser.engine.runner import NetworkRunner
from denoiser.engine.tiled import TiledCleaner, TileListener
from denoiser.engine.trust import trust_number
from denoiser.errors import DenoiserError, SpoiltResult
from denoiser.estimation import NoiseEstimate, automatic, estimate_noise
from denoiser.events import CancelToken, Listener, TileDone, ignore
from denoiser.image import Image
from denoiser.networks.conditioning import Condition
from denoiser.networks.spec import NetworkSpec
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
    def spec(self) -> NetworkSpec:
        """What the network needs and costs."""
        return self._model.spec

    @property
    def tile(self) -> int:
        """A tile has at most the area of a square of this side, in pixels."""
        return self._cleaner.budget.tile

    @property
    def batch_size(self) -> int:
        """How many tiles are given to the device at once."""
        return self._cleaner.budget.batch

    def clean(
        self,
        image: Image,
        *,
        estimate: NoiseEstimate | None = None,
        listener: Listener = ignore,
        cancel: CancelToken | None = None,
    ) -> Cleaned:
        """Never changes *image*; stops within one layer of *cancel* with Cancelled.

        An automatic level goes by *estimate* where one is given, as for a picture of a series.
        """
        work = self.prepare(image, estimate)
        if work.canvas is not None:
            self._run(work.canvas, lambda canvas: listener(pipeline.progress(canvas, image)), cancel)
        return self.finish(work)

    def looks(self, image: Image, *, listener: Listener = ignore, cancel: CancelToken | None = None) -> Looks:
        """Runs the network once, whatever look the options ask for; each look is then a matter of milliseconds."""
        canvas = self._work(image, self._options.noise_level).canvas
        if canvas is None:
            return Looks(image, image.pixels)
        self._run(canvas, lambda canvas: listener(pipeline.progress(canvas, image)), cancel)
        return self._believed(image, canvas)

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

    def prepare(self, image: Image, estimate: NoiseEstimate | None = None) -> Work:
        """What is to be computed for *image*, if anything."""
        if self._options.strength == 0:
            return Work(image, None)
        return self._work(image, self._options.noise_level, estimate)

    def compute(
        self, canvases: Iterable[Canvas | None], *, told: TileListener, cancel: CancelToken
    ) -> Iterator[Canvas]:
        """Each canvas when the network is through with it."""
        return self._cleaner.clean(canvases, told=told, cancel=cancel)

    def gradual(self, image: Image, level: float | None, estimate: NoiseEstimate | None = None) -> Gradual:
        """*image* to be cleaned where it is looked at first; `finish(its work, a look)` when all of it is clean.

        *level* takes the place of the one in the options, so that one session serves a slider.
        """
        return Gradual(self._work(image, level, estimate), self._cleaner, self._model.spec)

    def finish(self, work: Work, look: Look | None = None) -> Cleaned:
        """The result of what was computed, as the options have it; with a *look* the work can be finished again."""
        image, canvas = work.image, work.canvas
        if canvas is None:
            return Cleaned(image, time.perf_counter() - work.began, image.notes, estimate=work.estimate)
        looks = self._believed(image, canvas)
        trust = trust_number(image, canvas.result)
        # The look takes the place of the clean picture, so that no third one is held, unless that is still wanted.
        pixels = looks.render(look) if look else looks.render(look_of(self._options), out=canvas.result)
        return Cleaned(
            image.with_pixels(pixels),
            time.perf_counter() - work.began,
            (*image.notes, *canvas.notes),
            device=self.device,
            precision=self.precision,
            tile=self.tile,
            trust=trust,
            estimate=work.estimate,
        )

    def _work(self, image: Image, level: float | None, known: NoiseEstimate | None = None) -> Work:
        estimate = (known or estimate_noise(image)) if level is None else None
        condition, share = automatic(estimate) if estimate is not None else _given(image, level or 0.0)
        if share == 0:
            return Work(image, None, estimate)
        scale = scale_of(image)
        canvas = Canvas(image.pixels, scale, _scaled(condition, image.white / scale.one), share)
        return Work(image, canvas, estimate)

    def _believed(self, image: Image, canvas: Canvas) -> Looks:
        """What came out if it is sound, if need be from a second try in fp32; SpoiltResult if it is not."""
        fault = _fault(canvas)
        if fault is not None and self.precision != "fp32" and self._options.precision == "auto":
            canvas.notes.append(f"in {self.precision} {fault}; done again in fp32")
            # What is wrong once on this machine will be again.
            self._cleaner.runner.precision = self.precision = "fp32"
            self.precision_reason = "bf16 spoilt a picture"
            self._run(canvas, lambda _canvas: None, None)
            fault = _fault(canvas)
        if fault is not None:
            raise SpoiltResult(f"The network spoilt this picture: {fault}.")
        if image.alpha is not None:
            # Nobody sees colours under full transparency, and some programs keep things there.
            np.copyto(canvas.result, image.pixels, where=(image.alpha == 0)[:, :, np.newaxis])
        return Looks(image, canvas.result)

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


def _fault(canvas: Canvas) -> guard.Fault | None:
    told = canvas.condition
    known = told.luma is not None and told.chroma is not None
    sigma = max(told.luma or 0.0, told.chroma or 0.0) / 255 * canvas.scale.one if known else None
    return guard.check(canvas.source, canvas.result, sigma, canvas.scale.white or 1.0)


def _given(image: Image, level: float) -> tuple[Condition, float]:
    """What a level that was asked for means: the condition, and the share of the removal that is kept."""
    # The same noise in all three channels has no chroma, and its luma reads sqrt(3) of one channel's.
    told = Condition(level * 3**0.5, 0.0) if image.channels == 1 else Condition(level, level)
    return told, float(level > 0)


def _scaled(condition: Condition, factor: float) -> Condition:
    """The same noise in a picture whose values are *factor* of what they were."""
    if condition.luma is None or condition.chroma is None:
        return condition
    return Condition(condition.luma * factor, condition.chroma * factor, condition.kind)
