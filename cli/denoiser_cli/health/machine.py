"""The machine, the versions of packages, and whether the required packages load and are compatible.

Nothing here imports a package before `examine_packages` does.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path

from denoiser import __version__
from denoiser.errors import BrokenInstall
from denoiser_cli.health.page import Fact, Remark, Section

# Instruction sets that affect inference speed.
_INSTRUCTIONS = (
    *("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"),
    *("asimd", "asimdhp", "bf16", "i8mm", "sve"),
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT")
_DRIVER_SECONDS = 10  # timeout for a driver that hangs


def examine_machine() -> Section:
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


_PACKAGE = "denoiser-studio"
_OPTIONAL = (
    *("imagecodecs", "pillow-heif", "pillow-jxl-plugin", "rawpy"),
    *("scikit-image", "opencv-python-headless", "lightning-fabric"),
)
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*])?(?P<bounds>[^;]*)(?P<marker>;.*)?")
_NEEDED = (
    *("click", "constriction", "numpy", "pillow", "pyside6-essentials", "pyvips", "rich", "safetensors"),
    *("torch", "torchvision"),
)
_OFTEN_SEEN = 3  # version components to compare: 2.15.0+cpu is 2, 15, 0


def examine_versions() -> Section:
    """Return the versions of denoise, Python and the packages."""
    facts = [
        Fact("denoise", __version__),
        Fact("python", platform.python_version(), f"{platform.python_version()} ({_python_kind()})"),
    ]
    remarks = []
    for name, least in _required():
        version = _installed(name)
        facts.append(Fact(name, version, version or "not installed"))
        if version is None:
            again = f"pip install --force-reinstall {_PACKAGE}"
            remarks.append(Remark(f"{name} is not installed.", f"Reinstall: `{again}`."))
        elif least and _numbers(version) < _numbers(least):
            remarks.append(Remark(f"{name} {version} is older than {least}.", f"`pip install '{name}>={least}'`."))
    facts += [Fact(name, version) for name in _OPTIONAL if (version := _installed(name))]
    return Section(facts, remarks)


def _python_kind() -> str:
    bits = platform.architecture()[0].replace("bit", "-bit")
    return f"{platform.python_implementation()}, {bits}, {platform.machine()}"


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _required() -> Iterator[tuple[str, str]]:
    """Yield name and minimum version of each required package.

    The names are also listed here: package metadata may be missing or outdated in a checkout.
    """
    try:
        lines = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        lines = []
    bounds = dict.fromkeys(_NEEDED, "")
    for line in lines:
        found = _REQUIREMENT.match(line)
        if found is not None and "extra" not in (found["marker"] or ""):
            least = re.search(r">=\s*([\w.]+)", found["bounds"])
            bounds[found["name"].lower()] = least[1] if least else ""
    yield from sorted(bounds.items())


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", version.partition("+")[0])][:_OFTEN_SEEN]
    return (*numbers, *[0] * (_OFTEN_SEEN - len(numbers)))


CANNOT_LOAD = (ImportError, OSError, RuntimeError, AttributeError, ValueError)  # errors that broken packages raise
_AGAIN = "Reinstall: `pip install --force-reinstall {}`."


def examine_packages() -> Section:
    """Check torch, its build and threads, torchvision and libvips."""
    facts, remarks = [], []
    try:
        import_module("numpy")
        torch = import_module("torch")
    except CANNOT_LOAD as error:
        name = "numpy" if isinstance(error, ImportError) and error.name == "numpy" else "torch"
        text = f"{name} cannot be loaded: {_first_line(error)}"
        return Section([Fact("torch", None, text)], [Remark(text, _AGAIN.format(name), stops_cleaning=True)])
    built_for = torch.version.cuda or torch.version.hip
    facts.append(Fact("torch_built_for", built_for or "cpu", f"CUDA {built_for}" if built_for else "CPU only"))
    threads = torch.get_num_threads()
    facts.append(Fact("torch_threads", threads))
    if threads < int(usable_cores()):
        remarks.append(_too_few(threads))
    for name, load in (("torchvision", _torchvision), ("libvips", _libvips)):
        fact, remark = load()
        facts.append(fact)
        remarks += [remark] if remark else []
        assert fact.name == name
    return Section(facts, remarks)


def _too_few(threads: int) -> Remark:
    limits = [f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if name in os.environ]
    because = f" ({limits[0]})" if limits else ""
    remedy = f"Unset {limits[0].partition('=')[0]} to use all cores." if limits else ""
    return Remark(
        f"torch uses {threads} of {usable_cores():g} cores{because}, which makes cleaning slower.", remedy
    )


def _torchvision() -> tuple[Fact, Remark | None]:
    from denoiser.training.data import transforms

    try:
        transforms()
    except BrokenInstall as error:
        text = f"{error.message} It is needed for training only."
        return Fact("torchvision", "broken", "incompatible with the installed torch"), Remark(text, error.hint)
    return Fact("torchvision", "fits", "compatible with the installed torch"), None


def _libvips() -> tuple[Fact, Remark | None]:
    try:
        version = import_module("denoiser.imageio.backends.libvips").library_version()
    except CANNOT_LOAD as error:
        text = f"libvips cannot be loaded: {_first_line(error)}"
        remedy = _AGAIN.format("'pyvips[binary]'")
        return Fact("libvips", None, "cannot be loaded"), Remark(text, remedy, stops_cleaning=True)
    return Fact("libvips", version), None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
