"""A loaded model on its device, for many images."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.canvas import Canvas, Cleaned, Scale, Work, scale_of
from denoiser.engine.device import choose
from denoiser.engine.gradual import Gradual
from denoiser.engine.hot_pixels import replace_hot_pixels
from denoiser.engine.looks import Looks, keep_unseen
from denoiser.engine.memory import Budget, free_bytes, make_budget
from denoiser.engine.opening import Opened, open_network
from denoiser.engine.runner import NetworkRunner
from denoiser.engine.tiled import TiledCleaner
from denoiser.engine.trust import trust_number
from denoiser.errors import FaultyResult, UsageError
from denoiser.estimation.estimate import NoiseEstimate
from denoiser.estimation.estimator import estimate_noise
from denoiser.estimation.policy import at_level, automatic, present_noise
from denoiser.events import CancelToken, Listener, TileDone, ignore
from denoiser.image import Image, Mask
from denoiser.models import catalog
from denoiser.networks.condition import Condition, NetworkSpec
from denoiser.options import DenoiseOptions, Look

WRONG = 0.5  # share kept as in the source beyond which the result is rejected


class Session:
    """A network on its device. Thread-safe: threads take turns, batch by batch."""

    def __init__(self, options: DenoiseOptions = DenoiseOptions()) -> None:
        self._options = options
        device = choose(options.device)
        self._entry = catalog.find(options.model, device.name)
        self.model_name, self.model_digest = self._entry.name, self._entry.card.sha256
        self.device, self.device_reason = device.name, device.reason
        self._others: dict[str, Session] = {}  # with other models
        opened = self._opened(options.precision)
        may_fall_back = options.device == "auto" and device.name != "cpu"
        self._cleaner = TiledCleaner(
            NetworkRunner(opened.network),
            opened.spec,
            self._budget(opened),
            on_cpu=self._onto_cpu if may_fall_back else None,
        )

    @property
    def spec(self) -> NetworkSpec:
        """The specification of the network."""
        return self._cleaner.spec

    @property
    def tile(self) -> int:
        """A tile has at most the area of a square of this side, in pixels."""
        return self._cleaner.budget.tile

    @property
    def batch_size(self) -> int:
        """Tiles per batch."""
        return self._cleaner.budget.batch

    def for_model(self, name: str) -> Session:
        """This session, or one with another model and otherwise the same options, which stays open."""
        if name in (self._options.model, "auto"):
            return self
        if name not in self._others:
            self._others[name] = Session(dataclasses.replace(self._options, model=name))
        return self._others[name]

    def clean(
        self,
        image: Image,
        *,
        options: DenoiseOptions | None = None,
        mask: Mask | None = None,
        estimate: NoiseEstimate | None = None,
        listener: Listener = ignore,
        cancel: CancelToken | None = None,
    ) -> Cleaned:
        """Never changes *image*; stops within one layer of *cancel* with Cancelled.

        *options* replace those of the session, except for model, device, precision, tiles and memory. *mask* is the
        strength of each pixel. *estimate* replaces the estimate of the image's own noise, as for an image of a
        series.
        """
        work = self.prepare(image, estimate, options, mask)
        if work.canvas is not None:
            self._run([work.canvas], listener, cancel)
        return self.finish(work)

    def clean_stack(
        self, images: Sequence[Image], *, listener: Listener = ignore, cancel: CancelToken | None = None
    ) -> list[Cleaned]:
        """The results of several images, whose tiles share batches. Stops within one layer of *cancel*."""
        works = [self.prepare(image) for image in images]
        self._run([work.canvas for work in works if work.canvas is not None], listener, cancel)
        return [self.finish(work) for work in works]

    def clean_values(
        self, noisy: NDArray[np.float32], condition: Condition, *, cancel: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """Bare values (H, W, 3) where 0..1 is black to white, given exactly *condition*; for measurements."""
        canvas = Canvas(noisy, Scale(1.0, None), condition)
        self._run([canvas], ignore, cancel)
        return canvas.result

    def prepare(
        self,
        image: Image,
        estimate: NoiseEstimate | None = None,
        options: DenoiseOptions | None = None,
        mask: Mask | None = None,
    ) -> Work:
        """The inference that *image* needs, if any. Raises UsageError for a mask of another size."""
        options = options or self._options
        if mask is not None and mask.shape != (image.height, image.width):
            raise UsageError(
                f"The mask has {mask.shape[1]} x {mask.shape[0]} pixels, the image {image.width} x {image.height}."
            )
        if options.strength == 0:
            return Work(image, None)
        work = self._work(image, options, estimate)
        work.mask = mask
        return work

    def gradual(self, image: Image, level: float | None, estimate: NoiseEstimate | None = None) -> Gradual:
        """*image*, denoised tile by tile on demand; `finish(its work, a look)` when all of it is clean.

        *level* replaces the one in the options, so one session serves a slider. *estimate* avoids estimating
        the noise again.
        """
        options = dataclasses.replace(self._options, noise_level=level)
        return Gradual(self._work(image, options, estimate), self._cleaner)

    def finish(self, work: Work, look: Look | None = None, mask: Mask | None = None) -> Cleaned:
        """The result of what was computed, as its options and mask have it.

        With a *look* the work can be finished again; then *mask* replaces its mask.
        """
        image, canvas = work.image, work.canvas
        if canvas is None:
            return Cleaned(image, time.perf_counter() - work.began, image.notes, estimate=work.estimate)
        self.check(work)
        looks = self._looks_of(work, canvas)
        trust = trust_number(image, canvas.result)
        # The look takes the place of the clean image, so that no third one is held, unless that is still wanted.
        if look:
            pixels = looks.render(look, mask=mask)
        else:
            pixels = looks.render(work.options.look, mask=work.mask, out=canvas.result)
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

    def check(self, work: Work) -> None:
        """Repeat a complete result that is mostly wrong in fp32; raise FaultyResult if it stays wrong."""
        canvas = work.canvas
        if canvas is None:
            return
        if canvas.kept_share > WRONG and self.precision != "fp32" and self._options.precision == "auto":
            canvas.notes.append(f"the result in {self.precision} failed the sanity check; repeated in fp32")
            self._cleaner.runner.network = self._opened("fp32").network
            self.precision_reason = "a result failed the sanity check"
            self._run([canvas], ignore, None)
        if canvas.kept_share > WRONG:
            raise FaultyResult(
                f"Output failed the sanity check in {canvas.kept_share:.0%} of the image: it contains structure "
                "that the source does not have, or values that are not finite."
            )

    def _work(self, image: Image, options: DenoiseOptions, known: NoiseEstimate | None = None) -> Work:
        level = options.noise_level
        if level == 0:
            return Work(image, None)
        estimate = known or estimate_noise(image)
        condition, share = automatic(estimate) if level is None else (at_level(estimate, level), 1.0)
        reported = estimate if level is None else None
        pixels, replaced = image.pixels, 0
        if options.hot_pixels == "auto":
            pixels, replaced = replace_hot_pixels(image.pixels, image.white)
        if share == 0 and not replaced:
            return Work(image, None, reported)
        source = image.with_pixels(pixels) if replaced else image
        scale = scale_of(source)
        relative = image.white / scale.one
        noise = _scaled(present_noise(estimate, level), relative)
        canvas = Canvas(source.pixels, scale, _scaled(condition, relative), share, noise, options.passes)
        if replaced:
            canvas.notes.append(f"{replaced} dead or hot pixel{'s' if replaced > 1 else ''} replaced")
        return Work(source, canvas, reported, options, original=image if replaced else None)

    def _looks_of(self, work: Work, canvas: Canvas) -> Looks:
        """The result, with a note about what was kept."""
        image = work.image
        if canvas.kept_share > 0:
            percent = 100 * canvas.kept_share
            share = f"{percent:.1f} %" if percent >= 0.1 else "less than 0.1 %"
            canvas.notes.append(f"{share} of the image kept unchanged (failed the sanity check)")
        keep_unseen(canvas.result, image.pixels, image.alpha)
        return Looks(image, canvas.result, work.original)

    def _run(self, canvases: Sequence[Canvas], listener: Listener, cancel: CancelToken | None) -> None:
        def on_tile(canvas: Canvas) -> None:
            height, width = canvas.source.shape[:2]
            done = canvas.tiles_total - canvas.tiles_left
            listener(TileDone(done, canvas.tiles_total, height * width / 1e6))

        self._cleaner.clean(canvases, on_tile=on_tile, cancel=cancel or CancelToken())

    def _opened(self, precision: str) -> Opened:
        opened = open_network(precision, self.device, self._entry)
        self.precision, self.precision_reason = opened.network.precision, opened.reason
        return opened

    def _budget(self, opened: Opened) -> Budget:
        free = free_bytes(self.device)
        return make_budget(
            self._options, self.device, opened.spec, free=free, bytes_per_pixel=opened.bytes_per_pixel
        )

    def _onto_cpu(self) -> Budget:
        """Move to the CPU if a device that was chosen automatically has no memory left."""
        self.device, self.device_reason = "cpu", "the GPU ran out of memory"
        opened = self._opened(self._options.precision)
        self._cleaner.runner.network = opened.network
        return self._budget(opened)


def _scaled(condition: Condition, factor: float) -> Condition:
    """The same noise in an image whose values are scaled by *factor*."""
    if condition.luma is None or condition.chroma is None:
        return condition
    return Condition(condition.luma * factor, condition.chroma * factor, condition.kind)
