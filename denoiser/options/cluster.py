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
        help="Use a Ray cluster: local (workers here), auto (that of RAY_ADDRESS), or an address.",
    )
    workers: int | None = control(
        None,
        help="Number of workers; auto fills the cluster. An autoscaling cluster grows if more are asked for.",
        minimum=1,
        maximum=100_000,
        unit="workers",
        automatic=True,
    )
    worker_cpus: int | None = control(
        None,
        help="CPU cores of each worker; auto is 1, or 4 beside a GPU.",
        minimum=1,
        maximum=1024,
        unit="cores",
        automatic=True,
    )

    def __post_init__(self) -> None:
        check(self)
