"""One picture to a latent file and back."""
