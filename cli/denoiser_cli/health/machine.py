"""Hardware facts from the operating system; needs no packages."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from denoiser_cli.health.finding import Fact, Remark, Section

# Instruction sets that affect inference speed.
_INSTRUCTIONS = (
    *("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"),
    *("asimd", "asimdhp", "bf16", "i8mm", "sve"),
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT")
_DRIVER_SECONDS = 10  # timeout for a driver that hangs


def examine() -> Section:
    """Return system, processor, cores, load, memory and GPUs."""
    cores, of_all, load = usable_cores(), os.cpu_count() or 1, _load()
    facts = [
        Fact("system", _system()),
        Fact("processor", _processor()),
        Fact("instructions", _instructions(), ", ".join(_instructions()) or "unknown"),
        Fact("cores", cores, f"{cores:g} of {of_all} available" if cores != of_all else str(of_all)),
        Fact("load", load, "unknown" if load is None else f"{load:.1f} (1-minute average)"),
        Fact("memory_gb", _memory_gb(), "unknown" if _memory_gb() is None else f"{_memory_gb():.1f} GB"),
    ]
    cards, fault = graphics_cards()
    facts.append(Fact("graphics_by_driver", cards))
    limits = {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}
    if limits:
        facts.append(Fact("thread_limits", [f"{name}={value}" for name, value in limits.items()]))
    remedy = "Repair or reinstall the driver. Until then the CPU is used."
    return Section(facts, [Remark(fault, remedy)] if fault else [])


def usable_cores() -> float:
    """Return the cores available to this process, respecting containers and schedulers."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, round(int(quota) / int(period), 1))
    return cores


def _load() -> float | None:
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def _system() -> str:
    name = f"{platform.system()} {platform.release()}"
    with suppress(OSError):
        name = f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {name}"
    return name


def _cpu_facts() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _processor() -> str:
    return _cpu_facts().get("model name") or platform.processor() or platform.machine()


def _instructions() -> list[str]:
    words = set((_cpu_facts().get("flags") or _cpu_facts().get("Features") or "").split())
    return [name for name in _INSTRUCTIONS if name in words]


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, OSError, ValueError):
        return None


def graphics_cards() -> tuple[list[str], str]:
    """Return the GPUs that the NVIDIA driver lists, and an error message if it fails."""
    if shutil.which("nvidia-smi") is None:
        return [], ""
    question = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(question, capture_output=True, text=True, timeout=_DRIVER_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [], f"The NVIDIA driver did not respond within {_DRIVER_SECONDS} s."
    except OSError as error:
        return [], f"nvidia-smi cannot be run: {error.strerror}."
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0:
        return [], f"The NVIDIA driver reported an error: {(lines or ['no message'])[0]}"
    return lines, ""
