"""Noise estimation, and the automatic noise level derived from it."""
