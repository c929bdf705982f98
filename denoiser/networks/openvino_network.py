"""A dense autoencoder run by OpenVINO on a CPU, in fp32 or with some layers in int8. Needs no torch.

The result does not depend on the number of threads. Shapes are free: one compiled network serves all tiles.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.errors import MissingDevice
from denoiser.networks.int8 import FLOAT, Int8Layer, is_signed

_POLL = 20  # milliseconds between two checks for cancellation

Values = NDArray[np.float32]


class OpenvinoNetwork:
    """Maps noisy (1, H, W, 3) in 0..1 and planes (1, 4, 1, 1) to clean; one thread at a time."""

    def __init__(
        self,
        weights: Mapping[str, Values],
        blocks: Sequence[int],
        layers: Mapping[str, Int8Layer],
        threads: int,
    ) -> None:
        """*weights* by layer in fp32; those in *layers* are replaced. Raises MissingDevice without OpenVINO."""
        openvino = _openvino()
        model = _Graph(weights, layers).model(blocks)
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",  # bf16 of OpenVINO is wrong on some processors: docs/engine.md
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # beside other programs pinned threads wait
        }
        self._compiled = openvino.Core().compile_model(model, "CPU", settings)
        self._request = self._compiled.create_infer_request()

    def __call__(self, noisy: Values, planes: Values, check: Callable[[], None] = lambda: None) -> Values:
        """The clean tile; *check* is called meanwhile, and stops the computation by raising."""
        request = self._request
        request.start_async([np.ascontiguousarray(noisy), np.ascontiguousarray(planes)], share_inputs=True)
        try:
            while not request.wait_for(_POLL):
                check()
        except BaseException:
            request.cancel()
            _wait_for_end(request)
            self._compiled.release_memory()  # smaller tiles may follow a shortage
            raise
        clean: Values = request.get_output_tensor(0).data.copy()
        return clean


def _openvino() -> Any:
    # Importing OpenVINO reports its use to Google Analytics, from a process that it forks, unless this module is
    # missing. A program that has loaded it already has decided otherwise.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise MissingDevice(
            "int8 needs OpenVINO, which is not installed.",
            hint="Install it with `pip install openvino`, or use --precision auto.",
        ) from error
    return openvino


def _wait_for_end(request: Any) -> None:
    try:
        request.wait()
    except RuntimeError:
        """Cancelled, as it should be."""


class _Graph:
    """Builds the network of `denoiser.networks.pyramid` from operations of OpenVINO."""

    def __init__(self, weights: Mapping[str, Values], layers: Mapping[str, Int8Layer]) -> None:
        from openvino import opset13

        self._op: Any = opset13
        self._weights, self._layers = weights, layers

    def model(self, blocks: Sequence[int]) -> Any:
        """The whole network for tiles of any size."""
        from openvino import Model

        op = self._op
        noisy = op.parameter([1, -1, -1, 3], np.float32, name="noisy")
        planes = op.parameter([1, 4, 1, 1], np.float32, name="planes")
        pixels = op.transpose(noisy, self._ints(0, 3, 1, 2))
        folded = op.space_to_depth(pixels, "depth_first", 2)
        height_width = op.gather(op.shape_of(folded, "i64"), self._ints(2, 3), self._ints(0))
        conditioning = op.broadcast(planes, op.concat([self._ints(1, 4), height_width], 0))
        half = self._conv(op.concat([folded, conditioning], 1), "head")
        half = self._row(half, "enter_half", blocks[0])
        quarter = self._row(self._conv(half, "down_quarter"), "enter_quarter", blocks[1])
        eighth = self._row(self._conv(quarter, "down_eighth"), "bottleneck", blocks[2])
        quarter = self._row(op.add(quarter, self._up(eighth, "up_quarter")), "leave_quarter", blocks[3])
        half = self._row(op.add(half, self._up(quarter, "up_half")), "leave_half", blocks[4])
        residual = op.depth_to_space(self._conv(half, "tail"), "depth_first", 2)
        clean = op.add(noisy, op.transpose(residual, self._ints(0, 2, 3, 1)))
        return Model([clean], [noisy, planes], "dense-autoencoder")

    def _row(self, x: Any, name: str, count: int) -> Any:
        for index in range(count):
            change = self._op.relu(self._conv(x, f"{name}.{index}.first"))
            x = self._op.add(x, self._conv(change, f"{name}.{index}.second"))
        return x

    def _up(self, x: Any, name: str) -> Any:
        return self._op.depth_to_space(self._conv(x, f"{name}.expand"), "depth_first", 2)

    def _conv(self, x: Any, name: str) -> Any:
        op, layer = self._op, self._layers.get(name)
        if layer is None or name in FLOAT:
            kernel = self._weights[name]
            return self._bare_conv(x, op.constant(kernel), kernel.shape[2])
        size = layer.kernel.shape[2]
        scale = op.constant(layer.scale.reshape(-1, 1, 1, 1))
        kernel = op.multiply(op.convert(op.constant(layer.kernel), "f32"), scale)
        step = layer.step.reshape(1, -1, 1, 1)
        if size == 2:
            return self._shifted(x, layer, kernel)
        least, most = (-128.0, 127.0) if is_signed(name) else (0.0, 255.0)
        rounded = self._rounded(x, step, least, most)
        y = self._bare_conv(rounded, kernel, size)
        if not layer.fine:
            return y
        rest = op.subtract(x, op.multiply(rounded, op.constant(step)))
        return op.add(y, self._bare_conv(self._rounded(rest, step, -128 / 256, 127 / 256), kernel, size))

    def _shifted(self, x: Any, layer: Int8Layer, kernel: Any) -> Any:
        """The same for a layer without padding, with 128 added to the input and its effect subtracted.

        OpenVINO 2026.4 computes it wrongly for signed inputs, a stride of 2 and free shapes.
        """
        step = layer.step.reshape(1, -1, 1, 1)
        low, high = np.float32(-128), np.float32(127)
        rounded = self._op.fake_quantize(x, step * low, step * high, np.float32(0), np.float32(255), 256)
        shift = low * layer.kernel.sum(axis=(1, 2, 3), dtype=np.float32) * layer.scale
        return self._op.add(self._bare_conv(rounded, kernel, 2), self._op.constant(shift.reshape(1, -1, 1, 1)))

    def _rounded(self, x: Any, step: Values, least: float, most: float) -> Any:
        """*x* in steps, rounded to one of 256 levels from *least* to *most*."""
        ends = np.float32(least), np.float32(most)
        return self._op.fake_quantize(x, step * ends[0], step * ends[1], *ends, 256)

    def _bare_conv(self, x: Any, kernel: Any, size: int) -> Any:
        """3x3 with padding, 2x2 with a stride of 2, or 1x1."""
        stride, padding = (2, 0) if size == 2 else (1, size // 2)
        return self._op.convolution(x, kernel, [stride] * 2, [padding] * 2, [padding] * 2, [1, 1])

    def _ints(self, *values: int) -> Any:
        return self._op.constant(np.array(values if len(values) > 1 else values[0], np.int64))
