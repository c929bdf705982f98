"""Finds anomalies: images, and places in them, that differ from good ones."""

from __future__ import annotations

from denoiser.errors import MissingExtra

try:
    from denoiser.workbench.anomaly.detector import AnomalyDetector
    from denoiser.workbench.anomaly.odd import odd_ones_out
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("scipy", "sklearn"):
        raise
    raise MissingExtra(
        f"Finding anomalies needs {error.name}, which is not installed.", extra="workbench"
    ) from error

__all__ = ["AnomalyDetector", "odd_ones_out"]
