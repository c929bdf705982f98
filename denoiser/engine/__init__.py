"""Denoises images in memory: takes an Image, returns an Image."""
