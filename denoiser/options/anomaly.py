"""Options for finding anomalies."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import check, control


@dataclass(frozen=True, slots=True)
class AnomalyOptions:
    """How a model that finds anomalies is trained."""

    method: str = control(
        "auto",
        help="How anomalies are found; auto trains all three and keeps the best on self-made defects.",
        choices=("auto", "reconstruction", "patches", "segmentation"),
    )
    size: int = control(
        256,
        help="Images with more than N x N pixels are reduced to that number.",
        minimum=32,
        maximum=1024,
        unit="pixels",
    )
    steps: int | None = control(
        None,
        help="Training steps of reconstruction and segmentation; auto uses those of their recipes.",
        minimum=1,
        maximum=999_999,
        automatic=True,
    )
    seed: int = control(0, help="Random seed.", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        check(self)
