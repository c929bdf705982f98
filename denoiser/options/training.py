"""Training."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import DEVICES, check, control


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a person can ask of a training."""

    minutes: float = control(
        30.0,
        help="How long to train in all, earlier sittings counted in.",
        minimum=0.01,
        maximum=100_000.0,
        unit="minutes",
    )
    recipe: str = control(
        "auto",
        help="Network, noise and stages: a name or a TOML file; auto is fast, or fine-tune with --from.",
    )
    start: str = control(
        "", flag="from", help="Weights to start from: a name from `denoise models`, or a .safetensors file."
    )
    teacher: str = control("", help="Weights to learn from beside the truth: a name, or a .safetensors file.")
    resume: bool = control(False, help="Go on from the state in the --out folder.")
    seed: int = control(0, help="Where the random numbers start.", minimum=0, maximum=2**63 - 1)
    device: str = control("auto", help="Where the network is trained.", choices=DEVICES)
    devices: int | None = control(
        None,
        help="How many of them train together, each in a process of its own; auto takes all GPUs.",
        minimum=1,
        maximum=64,
        automatic=True,
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class EstimatorOptions:
    """What a person can ask of the training of the noise estimator; as it stands, the recipe of the shipped one."""

    crops: int = control(
        20_000,
        help="Noisy crops that the lessons of an estimator are made from, earlier sittings counted in.",
        minimum=40,
        maximum=999_999,
        unit="crops",
    )
    steps: int = control(
        8_000, help="Steps in which an estimator learns them.", minimum=1, maximum=999_999, unit="steps"
    )
    resume: bool = control(False, help="Go on with the lessons in the --out folder.")
    seed: int = control(0, help="Where the random numbers start.", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        check(self)
