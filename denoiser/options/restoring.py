"""Options for filling masked pixels and for segmentation."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import DEVICES, check, control


@dataclass(frozen=True, slots=True)
class InpaintOptions:
    """How masked pixels are filled."""

    steps: int = control(
        16, help="Number of denoising steps: more are slower and a little better.", minimum=1, maximum=200
    )
    model: str = control("fast", help="Denoiser: fast, best, or a .safetensors file.")
    device: str = control("auto", help="Device to run on.", choices=DEVICES)
    seed: int = control(0, help="Random seed.", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """How pixels are grouped."""

    clusters: int = control(4, help="Number of clusters.", minimum=2, maximum=64)
    averaging: float = control(
        8.0,
        help="Average encodings over this distance: less follows outlines, more separates coarse textures.",
        minimum=1.0,
        maximum=200.0,
        unit="pixels",
    )
    size: int = control(
        1024,
        help="Longest side at which images are encoded; larger ones are reduced for it.",
        minimum=64,
        maximum=8192,
        unit="pixels",
    )
    model: str = control("fast", help="Encoder: fast, best, codec, or the .safetensors file of a denoiser.")
    seed: int = control(0, help="Random seed.", minimum=0, maximum=2**32 - 1)

    def __post_init__(self) -> None:
        check(self)
