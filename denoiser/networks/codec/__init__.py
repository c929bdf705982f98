"""The networks of the latent codec: pictures to latents and back, and what is foretold of each latent."""

from __future__ import annotations

from denoiser.networks.codec.latent_codec import Estimate, LatentCodec

__all__ = ["Estimate", "LatentCodec"]
