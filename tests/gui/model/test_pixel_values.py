from __future__ import annotations

import numpy as np

from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions
from denoiser_gui.model.picture import picture_of
from denoiser_gui.model.pixel_values import in_words, pixel_values_at
from denoiser_gui.model.rendering import Renderer
from denoiser_gui.model.requests import Frame, PreviewRequest
from denoiser_gui.model.viewport import viewport_of

_PIXELS = np.random.default_rng(0).integers(0, 65535, (90, 120, 3), dtype=np.uint16)


def _frame(scale: float) -> Frame:
    picture = picture_of(1, from_numpy(_PIXELS))
    request = PreviewRequest(1, picture, DenoiseOptions(), viewport_of(120, 90, 40, 30).at_scale(scale))
    return Renderer().frame(request, None)


def test_pixel_values_are_in_the_bit_depth_of_the_photo() -> None:
    frame = _frame(4.0)
    for x, y in ((56.0, 44.2), (57.9, 44.99), (60.5, 46.0)):
        reading = pixel_values_at(frame, x, y)
        assert reading is not None and (reading.x, reading.y) == (int(x), int(y))
        assert reading.before == tuple(_PIXELS[int(y), int(x)])


def test_there_are_no_values_outside_the_photo() -> None:
    frame = _frame(0.2)
    assert pixel_values_at(frame, 10.0, 10.0) is not None
    for x, y in ((-1.0, 5.0), (5.0, 90.0), (120.0, 0.0)):
        assert pixel_values_at(frame, x, y) is None


def test_values_as_text() -> None:
    assert in_words((128.0, 131.0, 117.0)) == "R 128  G 131  B 117"
    assert in_words((65535.0,)) == "K 65535"
    assert in_words((0.25, 0.5, 1.5)) == "R 0.2500  G 0.5000  B 1.5000"
