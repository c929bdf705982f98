"""The networks of the latent codec: images to latents and back, and the context model of the latents."""

from __future__ import annotations

from denoiser.networks.codec.latent_codec import Estimate, LatentCodec

__all__ = ["Estimate", "LatentCodec"]
