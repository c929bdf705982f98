"""Runs over many files: planning, processing, records and reports. The only package that joins files and engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from denoiser.batch.folder import carry_out, denoise_folder, plan_folder
    from denoiser.batch.layout import Job
    from denoiser.batch.plan import Plan, make_plan
    from denoiser.batch.report import Report
    from denoiser.batch.runner import run_plan
    from denoiser.batch.settings import Settings
    from denoiser.batch.watch import watch_folder

__all__ = [
    "Job",
    "Plan",
    "Report",
    "Settings",
    "carry_out",
    "denoise_folder",
    "make_plan",
    "plan_folder",
    "run_plan",
    "watch_folder",
]

_HOMES = {
    "Job": "denoiser.batch.layout",
    "Plan": "denoiser.batch.plan",
    "Report": "denoiser.batch.report",
    "Settings": "denoiser.batch.settings",
    "carry_out": "denoiser.batch.folder",
    "denoise_folder": "denoiser.batch.folder",
    "make_plan": "denoiser.batch.plan",
    "plan_folder": "denoiser.batch.folder",
    "run_plan": "denoiser.batch.runner",
    "watch_folder": "denoiser.batch.watch",
}


def __getattr__(name: str) -> Any:
    # Planning reads headers only, and need not wait for the imports of cleaning.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'denoiser.batch' has no attribute {name!r}")
