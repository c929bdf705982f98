"""Whether the required packages can be loaded and are compatible."""

from __future__ import annotations

import os
from importlib import import_module

from denoiser.errors import BrokenInstall
from denoiser_cli.health.finding import Fact, Remark, Section
from denoiser_cli.health.machine import THREAD_VARIABLES, usable_cores

CANNOT_LOAD = (ImportError, OSError, RuntimeError, AttributeError, ValueError)  # errors that broken packages raise
_AGAIN = "Reinstall: `pip install --force-reinstall {}`."


def examine() -> Section:
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
