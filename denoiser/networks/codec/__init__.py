"""The networks of the latent codec: images to latents and back, and the context model of the latents."""
