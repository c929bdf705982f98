"""Options for runs on a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import check, control


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Where a run is carried out, and with how many workers."""

    cluster: str = control(
        "",
        form="ADDRESS",
        help="Use a Ray cluster: local, auto, or an address.",
    )
    workers: int | None = control(
        None,
        help="Number of workers; auto fills the cluster.",
        minimum=1,
        maximum=10**9,
        unit="workers",
        automatic=True,
    )
    worker_cpus: int | None = control(
        None,
        help="CPU cores of each worker.",
        minimum=1,
        maximum=10**9,
        unit="cores",
        automatic=True,
    )

    def __post_init__(self) -> None:
        check(self)
