"""Runs over many files on a Ray cluster; the extra `cluster` is needed."""

from __future__ import annotations

from denoiser.cluster.batch_run import carry_out

__all__ = ["carry_out"]
