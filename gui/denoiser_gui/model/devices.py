"""Devices that this machine can offer."""

from __future__ import annotations

from denoiser.errors import MissingDevice


def usable_devices(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of *names* that denoising can use. Imports torch: not for the GUI thread."""
    from denoiser.engine.device import choose

    def is_usable(name: str) -> bool:
        try:
            choose(name)
        except MissingDevice:
            return False
        return True

    return tuple(name for name in names if is_usable(name))
