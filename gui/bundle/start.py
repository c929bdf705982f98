"""What the bundle starts: the window, or a module of ours where the program asks for a process of its own."""

from __future__ import annotations

import multiprocessing
import runpy
import sys


def main() -> None:
    """Opens the window, unless the call is `… -m denoiser.MODULE`, as `sys.executable` is used for elsewhere."""
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
