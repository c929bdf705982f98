"""Entry point of `denoise-gui`: checks for a display, opens the window, then loads the model."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from denoiser import __version__
from denoiser.errors import DenoiserError
from denoiser_gui.display import check_display

if TYPE_CHECKING:
    from denoiser_gui.view.main_window import MainWindow

_SIGNALS_MS = 250  # Python handles Ctrl-C between two of these


def main() -> NoReturn:
    """Parse the command line and open the window; exit with code 4 without a display."""
    arguments = _parser().parse_args()
    try:
        if arguments.desktop is not None:
            from denoiser_gui import installation

            print(*installation.change(arguments.desktop), sep="\n")
            raise SystemExit(0)
        check_display()
    except DenoiserError as error:
        print(error.message, f"  {error.hint}", sep="\n", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    raise SystemExit(run(arguments.paths))


def run(paths: Sequence[Path]) -> int:
    """Show the window until it is closed; return the exit code."""
    from denoiser_gui.qt import QApplication, QTimer

    app = QApplication(["denoise"])
    app.setApplicationName("denoise")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("denoise")
    window = open_window(paths)
    signal.signal(signal.SIGINT, lambda *_: window.quit())
    signal.signal(signal.SIGTERM, lambda *_: window.quit())
    awake = QTimer(window)
    awake.timeout.connect(lambda: None)
    awake.start(_SIGNALS_MS)
    return app.exec()


def open_window(paths: Sequence[Path]) -> MainWindow:
    """Create and show the main window. Photos and model are loaded after it is visible."""
    from denoiser_gui import translation
    from denoiser_gui.controller import Controller
    from denoiser_gui.model.preferences import load_preferences
    from denoiser_gui.qt import QApplication, QTimer, install_translation
    from denoiser_gui.view import theme

    preferences = load_preferences()
    app = QApplication.instance()
    assert isinstance(app, QApplication)  # created by run
    install_translation(app, translation.set_language(preferences.language))
    theme.install(app, preferences.theme, preferences.motion, preferences.surround)
    from denoiser_gui.view.main_window import MainWindow

    controller = Controller(preferences)
    window = MainWindow(controller)
    window.show()
    controller.display.use_screen(window.screen().name())
    window.windowHandle().screenChanged.connect(lambda screen: controller.display.use_screen(screen.name()))
    QTimer.singleShot(0, window, lambda: _begin(window, paths))
    return window


def _begin(window: MainWindow, paths: Sequence[Path]) -> None:
    if paths:
        window.controller.open(paths)
    window.controller.viewer.warm_up()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="denoise-gui",
        description="Open the desktop app. `denoise gui` does the same.",
        epilog="The app works offline. For the command line see `denoise --help`.",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATHS", help="photos and folders")
    desktop = parser.add_mutually_exclusive_group()
    for action, text in (
        ("install", "add denoise to the application menu and open .dlf files with it, then exit"),
        ("remove", "undo --install-desktop, then exit"),
    ):
        desktop.add_argument(f"--{action}-desktop", dest="desktop", action="store_const", const=action, help=text)
    parser.add_argument("--version", action="version", version=f"denoise-gui {__version__}")
    return parser
