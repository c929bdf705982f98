"""What a figure was measured on: commit, hardware and versions, as plain values for JSON. Imports nothing heavy."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# What makes a difference to these programs; a machine has a hundred others.
FLAGS_OF_INTEREST = (
    *("sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni"),
    *("avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8"),
    *("asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2"),
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY")
PACKAGES = (
    *("denoiser-studio", "numpy", "torch", "torchvision", "openvino", "safetensors", "constriction"),
    *("pillow", "pyvips", "pyvips-binary", "tifffile", "imagecodecs", "rawpy", "pillow-heif", "pillow-jxl-plugin"),
    *("opencv-python-headless", "scikit-image"),
)
_PROGRAM = ("denoiser", "cli", "gui", "weights", "benchmarks", "pyproject.toml", ":!benchmarks/results")


def commit(root: Path = ROOT) -> dict[str, object]:
    """The commit of the checkout; dirty when a file of the program is changed, or is not in git at all."""
    name = _said_by("git", "-C", str(root), "describe", "--always", "--tags")
    if name is None:
        return {"name": "no git checkout", "hash": None, "dirty": None}
    changes = _said_by("git", "-C", str(root), "status", "--porcelain", "--", *_PROGRAM)
    return {
        "name": name,
        "hash": _said_by("git", "-C", str(root), "rev-parse", "HEAD"),
        "dirty": bool(changes) if changes is not None else None,
    }


def hardware() -> dict[str, object]:
    """Processor, cores, instruction sets of interest, memory and graphics cards."""
    facts = _cpu_facts()
    words = set((facts.get("flags") or facts.get("Features") or "").split())
    return {
        "cpu": facts.get("model name") or platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "flags": [flag for flag in FLAGS_OF_INTEREST if flag in words],
        "memory_gib": _memory_gib(),
        "gpus": _gpus(),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Python and the packages that figures depend on, read from what is installed; absent ones are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def threads() -> dict[str, str]:
    """The variables that limit threads, as far as they are set."""
    return {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}


def load_average() -> float | None:
    """How many processes wanted a core in the last minute: a figure from a busy machine should say so."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def peak_memory_mib() -> float | None:
    """The most memory that this process has held so far."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if platform.system() == "Darwin" else 1 << 10), 1)  # bytes there, KiB elsewhere


def _cpu_facts() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    first = text.split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1)
    except (AttributeError, OSError, ValueError):
        return None


def _gpus() -> list[str]:
    said = _said_by("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    return said.splitlines() if said else []


def _said_by(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
