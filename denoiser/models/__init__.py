"""Weights files to described, runnable networks. Listing and verifying needs no torch."""
