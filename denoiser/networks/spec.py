"""Properties of a network that other packages need: sizes and costs, no layers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What a plan of tiles needs: origins on multiples of ``size_multiple``, ``halo`` pixels of surroundings.

    ``formula_radius`` is how far a pixel can reach by the layers' sizes; ``halo`` is the effective radius, where
    the difference from the whole picture falls under half an 8-bit step (measured; a test holds it).
    """

    size_multiple: int
    halo: int
    formula_radius: int
    kmac_per_pixel: float
    parameters: int
