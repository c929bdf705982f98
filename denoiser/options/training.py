"""Training options."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import DEVICES, check, control


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a model is trained."""

    minutes: float = control(
        30.0,
        help="Total training time in minutes, including resumed runs.",
        minimum=0.01,
        maximum=100_000.0,
        unit="minutes",
    )
    recipe: str = control(
        "auto",
        help="Recipe (network, noise, stages): a name or a TOML file; auto is fast, or fine-tune with --from.",
    )
    start: str = control(
        "", flag="from", help="Initial weights: a name from `denoise models`, or a .safetensors file."
    )
    teacher: str = control(
        "", help="Teacher for distillation: a name from `denoise models`, or a .safetensors file."
    )
    validate_pairs: str = control(
        "", form="DIR", help="Folder of real pairs for validation only; they count in what is kept."
    )
    resume: bool = control(False, help="Resume from the checkpoint in the --out folder.")
    seed: int = control(0, help="Random seed.", minimum=0, maximum=2**63 - 1)
    device: str = control("auto", help="Device to train on.", choices=DEVICES)
    devices: int | None = control(
        None,
        help="Number of devices, with one process each; auto uses all GPUs.",
        minimum=1,
        maximum=64,
        automatic=True,
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class EstimatorOptions:
    """How the noise estimator is trained; the defaults are those of the bundled one."""

    crops: int = control(
        20_000,
        help="Number of noisy crops for the training samples, including resumed runs.",
        minimum=40,
        maximum=999_999,
        unit="crops",
    )
    steps: int = control(8_000, help="Number of training steps.", minimum=1, maximum=999_999, unit="steps")
    resume: bool = control(False, help="Continue with the training samples in the --out folder.")
    seed: int = control(0, help="Random seed.", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        check(self)
