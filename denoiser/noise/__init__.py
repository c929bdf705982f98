"""Synthetic noise for training and evaluation: batched, seeded, on the device of the images."""
