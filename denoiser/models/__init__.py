"""Weights files to described, runnable networks."""
