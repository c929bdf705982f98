"""Verifies latent files: decodes every symbol and compares checksums, without making an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from denoiser.codec.container import LatentFile
from denoiser.codec.decode import needed_by, outside_parts
from denoiser.codec.grain import unpacked
from denoiser.codec.windows import in_latents, padded
from denoiser.events import CancelToken
from denoiser.imageio.reader import named

if TYPE_CHECKING:
    from denoiser.codec.context import Coder


class Prover:
    """Verifies one file after another; loads the integer part of the weights when a file needs it, and keeps it."""

    def __init__(self, weights: str = "auto") -> None:
        self._weights = weights
        self._coders: dict[str, Coder] = {}

    def prove(self, file: LatentFile, name: str, cancel: CancelToken | None = None) -> None:
        """Raise DamagedLatent if *file* is corrupt, UnknownWeights if its weights are not installed.

        The container was checked when it was read; this decodes symbols, exact pixels, alpha and the noise model.
        """
        with named(name):
            for _ in outside_parts(file):
                pass
            if file.noise is not None:
                unpacked(file.noise)
            if file.grid is not None:
                coder = self._coder(file.weights, name)
                for box, tile in zip(map(padded, file.grid.boxes()), file.tiles, strict=True):
                    if cancel is not None:
                        cancel.raise_if_cancelled()
                    place = in_latents(box)
                    coder.symbols(tile, (place.height, place.width), file.step)

    def _coder(self, weights: str, name: str) -> Coder:
        if weights not in self._coders:
            from denoiser.codec import model
            from denoiser.codec.context import Coder

            with needed_by(name):
                entry = model.find_by_digest(weights, self._weights)
            self._coders[weights] = Coder(model.load_exact(entry))
        return self._coders[weights]
