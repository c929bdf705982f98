"""Entry point of the PyInstaller bundle: opens the window, or runs a module of `denoiser` in a child process."""

from __future__ import annotations

import multiprocessing
import runpy
import sys


def main() -> None:
    """Opens the window; with `-m denoiser.MODULE`, as called through `sys.executable`, runs that module instead."""
    multiprocessing.freeze_support()
    module = sys.argv.index("-m") + 1 if "-m" in sys.argv[:-1] else None
    if module is not None and sys.argv[module].startswith("denoiser."):
        sys.argv = sys.argv[module:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return
    from denoiser_gui.app import main as open_window

    open_window()


if __name__ == "__main__":
    main()
