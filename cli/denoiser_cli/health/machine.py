"""The machine, the versions of packages, and whether the required packages load and are compatible.

Nothing here imports a package before `examine_packages` does.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path

from denoiser import __version__
from denoiser_cli.health.page import Section

# Instruction sets that affect inference speed.
_INSTRUCTIONS = (
    *("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"),
    *("asimd", "asimdhp", "bf16", "i8mm", "sve"),
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT")
_DRIVER_SECONDS = 10  # timeout for a driver that hangs


def examine_machine() -> Section:
    """Return system, processor, cores, load, memory and GPUs."""
    section = Section()
    cores, all_cores = usable_cores(), os.cpu_count() or 1
    cpu = _cpu_facts()
    words = set((cpu.get("flags") or cpu.get("Features") or "").split())
    instructions = [name for name in _INSTRUCTIONS if name in words]
    section.fact("system", _system())
    section.fact("processor", cpu.get("model name") or platform.processor() or platform.machine())
    section.fact("instructions", instructions, ", ".join(instructions) or "unknown")
    section.fact("cores", cores, f"{cores:g} of {all_cores} available" if cores != all_cores else str(all_cores))
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    section.fact("load", load, "unknown" if load is None else f"{load:.1f} (1-minute average)")
    memory = _memory_gb()
    section.fact("memory_gb", memory, "unknown" if memory is None else f"{memory:.1f} GB")
    cards, fault = graphics_cards()
    section.fact("graphics_by_driver", cards)
    if fault:
        section.remark(fault, "Repair or reinstall the driver. Until then the CPU is used.")
    if limits := _thread_limits():
        section.fact("thread_limits", limits)
    return section


def usable_cores() -> float:
    """Return the cores available to this process, respecting containers and schedulers."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, round(int(quota) / int(period), 1))
    return cores


def _thread_limits() -> list[str]:
    return [f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if name in os.environ]


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


_PACKAGE = "denoiser-studio"
_OPTIONAL = (
    *("imagecodecs", "openvino", "pillow-heif", "pillow-jxl-plugin", "rawpy", "scikit-image"),
    "opencv-python-headless",
)
_NEEDED = (
    *("click", "constriction", "numpy", "pillow", "pyside6-essentials", "pyvips", "rich", "safetensors"),
    *("tomli-w", "torch", "torchvision"),
)


def examine_versions() -> Section:
    """Return the versions of denoise, Python and the packages."""
    section = Section()
    section.fact("denoise", __version__)
    bits = platform.architecture()[0].replace("bit", "-bit")
    kind = f"{platform.python_implementation()}, {bits}, {platform.machine()}"
    section.fact("python", platform.python_version(), f"{platform.python_version()} ({kind})")
    for name, least in sorted(_required().items()):
        version = _installed(name)
        section.fact(name, version, version or "not installed")
        if version is None:
            section.remark(f"{name} is not installed.", _AGAIN.format(_PACKAGE))
        elif least and _numbers(version) < _numbers(least):
            section.remark(f"{name} {version} is older than {least}.", f"`pip install '{name}>={least}'`.")
    for name in _OPTIONAL:
        if version := _installed(name):
            section.fact(name, version)
    return section


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _required() -> dict[str, str]:
    """Return the minimum version of each required package; "" if package metadata is missing, as in a checkout."""
    bounds = dict.fromkeys(_NEEDED, "")
    with suppress(metadata.PackageNotFoundError):
        for line in metadata.requires(_PACKAGE) or []:
            requirement, _, marker = line.partition(";")
            found = re.match(r"[\w.-]+", requirement)
            least = re.search(r">=\s*([\w.]+)", requirement)
            if found is not None and not marker:  # neither of an extra nor for some machines only
                bounds[found[0].lower()] = least[1] if least else ""
    return bounds


def _numbers(version: str) -> list[int]:
    """Return the first three numbers: 2.15.0+cpu is 2, 15, 0."""
    numbers = [int(number) for number in re.findall(r"\d+", version.partition("+")[0])]
    return [*numbers, 0, 0, 0][:3]


CANNOT_LOAD = (ImportError, OSError, RuntimeError, AttributeError, ValueError)  # errors that broken packages raise
_AGAIN = "Reinstall: `pip install --force-reinstall {}`."


def examine_packages() -> Section:
    """Check torch, its build and threads, torchvision and libvips."""
    section = Section()
    try:
        import_module("numpy")
        torch = import_module("torch")
    except CANNOT_LOAD as error:
        name = "numpy" if isinstance(error, ImportError) and error.name == "numpy" else "torch"
        text = f"{name} cannot be loaded: {first_line(error)}"
        section.fact("torch", None, text)
        section.remark(text, _AGAIN.format(name), stops_cleaning=True)
        return section
    built_for = torch.version.cuda or torch.version.hip
    section.fact("torch_built_for", built_for or "cpu", f"CUDA {built_for}" if built_for else "CPU only")
    threads = torch.get_num_threads()
    section.fact("torch_threads", threads)
    if threads < int(usable_cores()):
        limits = _thread_limits()
        because = f" ({limits[0]})" if limits else ""
        remedy = f"Unset {limits[0].partition('=')[0]} to use all cores." if limits else ""
        text = f"torch uses {threads} of {usable_cores():g} cores{because}, which makes cleaning slower."
        section.remark(text, remedy)
    _check_torchvision(section)
    _check_libvips(section)
    return section


def _check_torchvision(section: Section) -> None:
    try:
        import_module("torchvision.transforms.v2")
        section.fact("torchvision", "fits", "compatible with the installed torch")
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        section.fact("torchvision", "broken", "incompatible with the installed torch")
        section.remark(
            f"torchvision does not fit torch: {first_line(error)}. Only denoiser.transforms needs it.",
            "Install both from one index: `pip install --force-reinstall torch torchvision`.",
        )


def _check_libvips(section: Section) -> None:
    try:
        section.fact("libvips", import_module("denoiser.imageio.backends.libvips").library_version())
    except CANNOT_LOAD as error:
        section.fact("libvips", None, "cannot be loaded")
        remedy = _AGAIN.format("'pyvips[binary]'")
        section.remark(f"libvips cannot be loaded: {first_line(error)}", remedy, stops_cleaning=True)


def first_line(error: Exception) -> str:
    """Return the first line of the message, or the name of the class."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
