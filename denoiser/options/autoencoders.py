"""Options of autoencoders: their kind, network and training."""

from __future__ import annotations

import re
from dataclasses import dataclass

from denoiser.errors import UsageError
from denoiser.options.control import DEVICES, check, control

KINDS = ("basic", "undercomplete", "regularised", "sparse", "denoising", "convolutional", "variational")
CORRUPTIONS = ("gaussian", "impulse", "masking")
SPARSITIES = ("l1", "kl", "topk")
PENALTIES = ("l1-weights", "l2-weights", "l1-code", "l2-code")


@dataclass(frozen=True, slots=True)
class AutoencoderOptions:
    """An autoencoder and its training; automatic values depend on the kind (docs/autoencoders.md)."""

    kind: str = control("basic", help="Kind of autoencoder.", choices=KINDS)
    code: int | None = control(
        None,
        help="Numbers in the code; auto is 32, 8 for undercomplete, 256 for sparse ones.",
        minimum=1,
        maximum=1024,
        automatic=True,
    )
    layers: str = control(
        "auto",
        help="Neurons, or widths of a convolutional network; auto is 128,64, or 32,64 convolutional.",
        form="N,N,…",
    )
    network: str = control(
        "auto",
        help="Network; auto is fully-connected, except for the kind convolutional.",
        choices=("auto", "fully-connected", "convolutional"),
    )
    blocks: str = control(
        "residual", help="Blocks of a convolutional network.", choices=("plain", "residual", "dense")
    )
    activation: str = control("relu", help="Activation between layers.", choices=("relu", "silu", "none"))
    loss: str = control(
        "auto",
        help="Reconstruction loss, or likelihood; auto is bce for variational autoencoders, else mse.",
        choices=("auto", "mse", "bce"),
    )
    corruption: str = control(
        "gaussian", help="Corruption of the input of a denoising autoencoder.", choices=CORRUPTIONS
    )
    corruption_level: float = control(
        0.3,
        help="Standard deviation of gaussian corruption, or share of pixels that impulses or masking replace.",
        minimum=0.0,
        maximum=1.0,
    )
    penalty: str = control("l2-weights", help="Penalty of a regularised autoencoder.", choices=PENALTIES)
    penalty_weight: float = control(1e-4, help="Weight of that penalty.", minimum=0.0, maximum=1000.0)
    sparsity: str = control(
        "kl",
        help="What makes a sparse code: an L1 penalty, KL divergence from a target rate, or topk.",
        choices=SPARSITIES,
    )
    sparsity_weight: float = control(0.05, help="Weight of the L1 or KL penalty.", minimum=0.0, maximum=1000.0)
    target_rate: float = control(
        0.05, help="Mean activation for kl; share of active units for topk.", minimum=0.0001, maximum=0.9999
    )
    beta: float = control(
        1.0, help="Weight of the KL divergence of a variational autoencoder.", minimum=0.0, maximum=1000.0
    )
    likelihood_sigma: float = control(
        0.1, help="Standard deviation of the Gaussian likelihood.", minimum=0.001, maximum=10.0
    )
    label_weight: float = control(
        0.0,
        help="Weight of the label loss; above 0, a linear head learns labels from the code.",
        minimum=0.0,
        maximum=1000.0,
    )
    flip: bool = control(False, help="Augment with mirrored images.")
    rotate: float = control(
        0.0, help="Augment with rotations up to this angle.", minimum=0.0, maximum=180.0, unit="degrees"
    )
    shift: float = control(
        0.0, help="Augment with shifts (crops) up to this share of the side.", minimum=0.0, maximum=0.5
    )
    epochs: int | None = control(
        None,
        help="Passes over the images; auto takes 4,000 steps, or 1,000 of a convolutional network.",
        minimum=1,
        maximum=100_000,
        automatic=True,
    )
    batch: int = control(128, help="Images in a training batch.", minimum=1, maximum=65_536)
    learning_rate: float = control(0.002, help="Learning rate of Adam.", minimum=1e-6, maximum=1.0)
    private: float = control(
        0.0,
        help="Train with differential privacy of this epsilon, through Opacus.",
        minimum=0.0,
        maximum=1000.0,
        zero="off",
    )
    seed: int = control(0, help="Random seed.", minimum=0, maximum=2**63 - 1)
    device: str = control("auto", help="Device to train on.", choices=DEVICES)

    def __post_init__(self) -> None:
        check(self)
        if self.layers != "auto" and not re.fullmatch(r"[1-9]\d{0,4}(,[1-9]\d{0,4})*", self.layers):
            raise UsageError(f"layers must be whole numbers such as 128,64, not {self.layers!r}.")

    @property
    def is_convolutional(self) -> bool:
        """Whether the network is convolutional."""
        return self.network == "convolutional" or (self.network == "auto" and self.kind == "convolutional")

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons or widths of the encoder's layers."""
        if self.layers == "auto":
            return (32, 64) if self.is_convolutional else (128, 64)
        return tuple(map(int, self.layers.split(",")))

    @property
    def code_size(self) -> int:
        """Numbers in the code."""
        return self.code or {"undercomplete": 8, "sparse": 256}.get(self.kind, 32)

    @property
    def likelihood(self) -> str:
        """The reconstruction loss: "mse" or "bce"."""
        if self.loss != "auto":
            return self.loss
        return "bce" if self.kind == "variational" else "mse"
