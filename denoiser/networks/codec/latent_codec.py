"""The whole codec as one network: analysis, context model and synthesis.

    pixels, planes ─► analysis ─► y ─► gain of the step ─► v ─┬─► hyper-analysis ─► round ─► z ─► features
                                                             │                                      │
                                                             └─► four passes: round(v - mean) ◄─────┘
    pixels ◄─ synthesis ◄─ gain back ◄─ rounded + mean ◄──────────┘

``forward`` is for training: bits are estimated with noise in place of rounding, pixels from the rounded values.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from denoiser.networks.codec.context_model import (
    CLASS_STARTS,
    PASSES,
    HyperAnalysis,
    IndexBase,
    IndexPass,
    MeanFeatures,
    MeanPass,
    magnitude_class,
    pass_masks,
    tiled,
)
from denoiser.networks.codec.levels import LEVELS, Curves, Gains, basis, lambdas, step_sizes
from denoiser.networks.codec.likelihood import LEAST_SCALE, LOG_SCALE_STEP, LogisticPrior, normal_bits, scale_of
from denoiser.networks.codec.quantised import QuantisedLayer
from denoiser.networks.codec.transforms import CELL, Analysis, Synthesis, begin_as
from denoiser.networks.condition import PLANES, NetworkSpec
from denoiser.networks.conditioning import in_fp32

SIZE_MULTIPLE = 64
EXACT_PARTS = ("index_base", "index_passes", "prior")  # integers and tables in exported weights
_MOST_HYPER = 127
_BEGUN = ("analysis.head", "analysis.down", "synthesis.up", "synthesis.tail")  # initialised as principal components
_PACE_OF_BEGUN, _PACE_OF_CURVES = 0.1, 3.0
_FIRST_SCALE = 1.0  # standard deviation of new hyper-latents


class Estimate(NamedTuple):
    """Decoded pixels (B, 3, H, W) and the estimated bits (B,) of each image.

    A tuple, because DistributedDataParallel looks for tensors inside outputs.
    """

    pixels: Tensor
    latent_bits: Tensor
    hyper_bits: Tensor


class LatentCodec(nn.Module):
    """Latent codec with a scale hyperprior and a four-pass context model. Image sides must be multiples of 64."""

    level_conditioning: Tensor  # (64, 2): conditioning of the synthesis for each quality step
    prices: Tensor  # (64,): lambda of each quality step, for squared errors in 8-bit units
    masks: Tensor
    class_starts: Tensor

    def __init__(
        self,
        width: int = 192,
        blocks: tuple[int, int] = (4, 6),
        latents: int = 256,
        hyper: int = 64,
        features: int = 96,
    ) -> None:
        super().__init__()
        self.latents, self.hyper = latents, hyper
        # Buffers, so that they are on the device of the network and no step waits for a copy.
        self.register_buffer("level_conditioning", basis()[:, 1:], persistent=False)
        self.register_buffer("prices", lambdas(), persistent=False)
        self.register_buffer("masks", pass_masks(latents), persistent=False)
        self.register_buffer("class_starts", torch.tensor(CLASS_STARTS).float(), persistent=False)
        self.analysis = Analysis(width, blocks[0], latents)
        self.synthesis = Synthesis(width, blocks[1], latents, self.level_conditioning.shape[1])
        self.gains = Gains(latents)
        self.log_spread = Curves(latents)  # log of the latents' scale, in quantiser steps
        self.hyper_analysis = HyperAnalysis(latents, features, hyper)
        self.prior = LogisticPrior(hyper)
        self.mean_features = MeanFeatures(hyper, features)
        self.mean_passes = nn.ModuleList(MeanPass(latents, features, features, sees=p > 0) for p in range(PASSES))
        self.index_base = IndexBase(hyper, features)
        self.index_passes = nn.ModuleList(IndexPass(latents, features, features, sees=p > 0) for p in range(PASSES))

    def forward(
        self, pixels: Tensor, planes: Tensor, level: Tensor, noise: tuple[Tensor, Tensor] | None = None
    ) -> Estimate:
        """Encode and decode *pixels* at quality step *level*, and estimate the bits.

        *noise*: two tensors shaped like y and z, in -0.5..0.5; without it bits are estimated for rounded values.
        """
        v = self.gains.scale(self.analysis(pixels, planes), level)
        z_soft = self.hyper_analysis(v).clamp(-_MOST_HYPER, _MOST_HYPER)
        z = _rounded(z_soft)
        hyper_bits = self.prior.bits(z if noise is None else z_soft + noise[1], level)
        with in_fp32(v):
            known, bits = self.passes(v, z, level, None if noise is None else noise[0])
        decoded = self.decode(known, level)
        return Estimate(decoded, bits.flatten(1).sum(1), hyper_bits.flatten(1).sum(1))

    def passes(self, v: Tensor, z: Tensor, level: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """Run the context model: the latents as the decoder will have them, and the bits of each."""
        masks = tiled(self.masks, *v.shape[2:])
        scale = self.log_spread(level).exp()
        mean_features, index_features = self.mean_features(z), self.index_base(z, level)
        known, bits, classes = torch.zeros_like(v), torch.zeros_like(v), torch.zeros_like(v)
        for mask, mean_pass, index_pass in zip(masks, self.mean_passes, self.index_passes, strict=True):
            mean = mean_pass(mean_features, known / scale) * scale
            index = index_pass(index_features, classes, level)
            residual = v - mean
            symbols = _rounded(residual)
            counted = symbols if noise is None else residual + noise
            bits = torch.where(mask, normal_bits(counted, scale_of(index)), bits)
            known = torch.where(mask, symbols + mean, known)
            classes = torch.where(mask, magnitude_class(symbols.detach(), self.class_starts), classes)
        return known, bits

    def decode(self, known: Tensor, level: Tensor) -> Tensor:
        """Pixels from decoded latents, in quantiser steps."""
        pixels: Tensor = self.synthesis(self.gains.restore(known, level), self.level_conditioning[level])
        return pixels

    @torch.no_grad()
    def begin_with(self, crops: Tensor) -> None:
        """Initialise as the best linear codec for *crops* (B, 3, H, W) in 0..1."""
        deviation = begin_as(self.analysis, self.synthesis, crops)
        # log(deviation / step) is a straight line over the quality steps, because lambdas are log-spaced.
        logs = deviation.clamp_min(1e-4).log()[None] - step_sizes().log()[:, None].to(deviation.device)
        line = torch.linalg.lstsq(basis().to(logs.device), logs).solution
        self.log_spread.weights.copy_(line)
        line[0] -= torch.tensor(LEAST_SCALE).log()
        for one in self.index_passes:
            if isinstance(one, IndexPass):
                one.begin_at(line / LOG_SCALE_STEP)
        self._begin_hyper_latents(crops)

    def _begin_hyper_latents(self, crops: Tensor) -> None:
        """Scale the hyper-latents so that they carry information after rounding."""
        level = torch.full((len(crops),), LEVELS // 2)
        planes = crops.new_zeros(len(crops), PLANES, 1, 1)
        z = self.hyper_analysis(self.gains.scale(self.analysis(crops, planes), level))
        last, deviation = self.hyper_analysis.quarter, z.std(dim=(0, 2, 3)).clamp_min(1e-3) / _FIRST_SCALE
        last.weight.div_(deviation[:, None, None, None])
        if last.bias is not None:
            last.bias.copy_((last.bias - z.mean(dim=(0, 2, 3))) / deviation)

    @property
    def index_path_is_rounded(self) -> bool:
        """Whether the index path computes with rounded values."""
        return self.index_base.first.rounded

    def round_index_path(self, rounded: bool) -> None:
        """Make the index path compute as its integers will, or as plain floats."""
        for layer in self.modules():
            if isinstance(layer, QuantisedLayer):
                layer.rounded = rounded

    @staticmethod
    def kernels_of_the_body(name: str) -> bool:
        """Whether Muon trains parameter *name*; those initialised as principal components need a lower rate."""
        is_curve = name.endswith(".weights")
        return not (is_curve or name.startswith(_BEGUN) or ".steer." in name)

    @staticmethod
    def pace_of(name: str) -> float:
        """Learning rate factor of a parameter that Adam trains; 1 for most."""
        if name.endswith(".weights"):
            return _PACE_OF_CURVES
        return _PACE_OF_BEGUN if name.startswith(_BEGUN) else 1.0

    def leave_out_exact_parts(self) -> None:
        """Remove the float parts of the entropy model; encoding and decoding use their integer versions."""
        for name in EXACT_PARTS:
            delattr(self, name)

    def transforms_on(self, device: str) -> LatentCodec:
        """The network on *device*; self for the CPU. Means are always predicted on the CPU."""
        placed = self if device == "cpu" else copy.deepcopy(self).to(device)
        return placed.to(memory_format=torch.channels_last)

    def reach(self) -> tuple[int, int]:
        """Overlap (halo) of a tile for the analysis and the synthesis, in pixels, rounded up to multiples of 64."""
        analysis, synthesis = (-(-radius // SIZE_MULTIPLE) * SIZE_MULTIPLE for radius in self._radii())
        return analysis, synthesis

    def _radii(self) -> list[int]:
        return [CELL * (len(part.blocks) + 1) for part in (self.analysis, self.synthesis)]

    def spec(self, halo: int) -> NetworkSpec:
        """The properties that the engine needs."""
        return NetworkSpec(
            size_multiple=SIZE_MULTIPLE,
            halo=halo,
            formula_radius=max(self._radii()),
            kmac_per_pixel=sum(self.kmac_per_pixel()),
            parameters=sum(p.numel() for p in self.parameters()),
        )

    def kmac_per_pixel(self) -> tuple[float, float]:
        """Cost of the encoder and of the decoder, in thousand multiplications per pixel."""
        coarse = {"down": 16, "up": 16, "hyper_analysis": 16, "mean_passes": 16, "index_passes": 16}
        coarse |= {"halve": 32, "quarter": 64, "mean_features": 32, "index_base": 32}
        cost = {"analysis": 0.0, "synthesis": 0.0, "hyper_analysis": 0.0, "shared": 0.0}
        for name, p in self.named_parameters():
            if p.ndim == 4:
                parts = name.split(".")
                scale = next((coarse[part] for part in reversed(parts) if part in coarse), 8)
                cost[parts[0] if parts[0] in cost else "shared"] += p.numel() / scale**2 / 1000
        shared = cost["shared"]
        return cost["analysis"] + cost["hyper_analysis"] + shared, cost["synthesis"] + shared


def _rounded(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()
