"""Which library and precision are correct and fastest on this CPU. The answer is found once, and stored.

A child process compares the networks of OpenVINO with that of torch on noisy tiles and measures all of them
(`network_check`), because a wrong build may crash. `--precision int8` skips this.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from denoiser.atomicfile import whole_file
from denoiser.childprocess import Child, ChildEnded
from denoiser.engine.device import hardware_name
from denoiser.errors import UnwritableImage
from denoiser.models.catalog import CatalogEntry
from denoiser.networks.int8 import beside

# Largest differences from torch in fp32, RMS and anywhere, in 8-bit steps. 0.35 RMS costs 0.02 dB beside the error
# of 5 steps of a good result (34 dB).
_DIFFERENCES = {"fp32": (0.02, 0.5), "int8": (0.35, 3.0)}
# Largest time of int8 relative to the fastest other precision; beside bf16 a whole photo gains less.
_MOST_TIME = {"fp32": 0.85, "bf16": 0.7}
_MOST_FP32_TIME = 1.1  # relative to torch, whose import takes longer
_SECONDS = 120.0  # for the child process; it needs about 8
_CHILD = "denoiser.engine.network_check"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found."""

    fp32: bool = False  # whether OpenVINO computes fp32 correctly
    automatic: str = ""  # "fp32" or "int8" of OpenVINO, or empty: torch chooses
    reason: str = ""  # for *automatic*, or against OpenVINO

    def precision(self, wish: str) -> str:
        """The precision in which OpenVINO is to run the network for the option *wish*; empty: torch runs it."""
        return self.automatic if wish == "auto" else "fp32" if wish == "fp32" and self.fp32 else ""


def is_openvino_installed() -> bool:
    """Whether it is installed; importing it may still fail."""
    return find_spec("openvino") is not None


def stored_verdict(entry: CatalogEntry) -> Verdict:
    """The stored verdict for model, machine and versions; made now if there is none."""
    path = _folder() / f"networks-{_key(entry)}.json"
    try:
        return Verdict(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        """None yet, or an invalid one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        verdict, lasting = _checked(entry)
        if lasting:
            with whole_file(path) as file:
                file.write(json.dumps(asdict(verdict)).encode())
    except (OSError, UnwritableImage):
        # Another run might decide otherwise, and outputs of the same command would differ.
        return Verdict(reason="OpenVINO is not used, because the result of its check cannot be stored")
    return verdict


def _checked(entry: CatalogEntry) -> tuple[Verdict, bool]:
    """The verdict, and whether it would be the same next time."""
    try:
        with Child(_CHILD, _SECONDS) as child:
            answer = child.ask({"model": str(entry.path)})
    except ChildEnded as ended:
        return Verdict(reason=f"OpenVINO failed its check: {ended.cause}"), not ended.hangs
    return judged(answer), True


def judged(answer: Mapping[str, Any]) -> Verdict:
    """The verdict on what the child process measured.

    *answer* has the ``precision`` and ``time`` of torch; for "fp32" and, if there is one, "int8" the differences
    ``rms`` and ``largest`` and the ``time``; or a ``fault``.
    """
    if fault := answer.get("fault") or _fault("fp32", answer["fp32"]):
        return Verdict(reason=f"OpenVINO failed its check: {fault}")
    other, least = answer["torch"]["precision"], answer["torch"]["time"]
    fp32 = answer["fp32"]["time"] <= _MOST_FP32_TIME * least
    automatic = "fp32" if fp32 and (other == "fp32" or answer["fp32"]["time"] <= least) else ""
    if automatic:
        other, least = "fp32", answer["fp32"]["time"]
    reason = f"computed by {'OpenVINO' if automatic else 'torch'}"
    if "int8" in answer:
        share = answer["int8"].get("time", 0.0) / least
        fault = _fault("int8", answer["int8"])
        if not fault and share <= _MOST_TIME[other]:
            return Verdict(fp32, "int8", f"agrees with fp32, in {share:.0%} of the time of {other}")
        reason += f"; int8 {fault or f'takes {share:.0%} of the time of {other}'} on this processor"
    return Verdict(fp32, automatic, reason)


def _fault(precision: str, found: Mapping[str, Any]) -> str:
    """Why a network of OpenVINO is not to be used, if it is not."""
    if fault := found.get("fault"):
        return str(fault)
    most_rms, most_anywhere = _DIFFERENCES[precision]
    if not (found["rms"] <= most_rms and found["largest"] <= most_anywhere):  # true for NaN
        return f"differs from fp32 by up to {found['largest']:.2g} steps"
    return ""


def _key(entry: CatalogEntry) -> str:
    versions = [metadata.version(name) for name in ("torch", "openvino")]
    path = beside(entry.path)
    integers = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    limits = json.dumps([_DIFFERENCES, _MOST_TIME, _MOST_FP32_TIME])
    words = [entry.card.sha256, integers, hardware_name("cpu"), limits, *versions]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def _folder() -> Path:
    """The folder of the environment variable DENOISE_CACHE, or the one that the system has for such files."""
    if named := os.environ.get("DENOISE_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "denoise"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/denoise"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "denoise"
