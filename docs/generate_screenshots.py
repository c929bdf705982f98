"""Write docs/images/window-*.webp, screenshots of the desktop app: `make screenshots`. Needs no display.

The photos are those of `denoise samples`: images of scikit-image with added noise. Uses the font Inter if it is
installed, otherwise the system font.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_IMAGES = Path(__file__).resolve().parent / "images"
_SIZE = (1440, 900)
_QUALITY = 90  # of WebP; a lower quality would smooth the noise
_PATIENCE = 180.0  # seconds for one screenshot
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<match target="pattern"><edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>
</fontconfig>"""


def main() -> None:
    """Take all screenshots, each in a separate window."""
    with tempfile.TemporaryDirectory(prefix="denoise-screenshots-") as folder:
        place = Path(folder)
        _prepare(place)
        photos = _noisy_photos(place / "Pictures" / "Concert")
        for name, look, language, state in (
            ("empty", "light", "en", _empty),
            ("dark", "dark", "en", _side_by_side),
            ("light", "light", "en", _split),
            ("difference", "dark", "en", _difference),
            ("trust", "dark", "en", _trust),
            ("batch", "dark", "en", _batch),
            ("latent", "dark", "en", _latent),
            ("find", "dark", "en", _find),
            ("grid", "dark", "en", _grid),
            ("zh", "light", "zh", _chinese),
        ):
            _draw(name, look, language, lambda shot, state=state: state(shot, photos))


class Shot:
    """A window, and functions that wait until it shows what is needed."""

    def __init__(self, look: str, language: str) -> None:
        from denoiser_gui.app import open_window
        from denoiser_gui.model.preferences import Preferences, save_preferences

        save_preferences(Preferences(theme=look, language=language, motion="none"))
        self.window = open_window([])
        self.window.resize(*_SIZE)
        self.controller = self.window.controller

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Process events until *reached* returns true."""
        from denoiser_gui.qt import QApplication

        deadline = time.monotonic() + _PATIENCE
        while not reached():
            if time.monotonic() > deadline:
                raise SystemExit(f"Timeout: {what}.")
            QApplication.processEvents()
            time.sleep(0.01)

    def rest(self, seconds: float = 0.4) -> None:
        """Process events for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end, "waiting")

    def open(self, photos: list[Path], current: int = 0) -> None:
        """Open photos; wait until the view is exact and the noise of all photos is estimated."""
        from denoiser_gui.model.requests import State

        self.controller.open(photos)
        self.until(lambda: len(self.controller.photos) == len(photos), "opening the photos")
        self.controller.show_photo(self.controller.photos[current].key)
        self.until(lambda: all(photo.sigma is not None for photo in self.controller.photos), "estimating the noise")
        self.until(lambda: self.window.canvas.shown_state is State.EXACT, "the exact view")

    def save(self, name: str) -> None:
        """Write the screenshot."""
        self.window.canvas.setFocus()
        self.rest()
        target = _IMAGES / f"window-{name}.webp"
        if not self.window.grab().save(str(target), "WEBP", _QUALITY):
            raise SystemExit(f"{target} cannot be written.")
        sys.stdout.write(f"{target.name}: {target.stat().st_size / 1000:.0f} kB\n")

    def close(self) -> None:
        """Close the window and end its threads."""
        self.window.batch.stop()
        self.until(lambda: not self.window.batch.control.is_running, "the end of the batch")
        self.window.close()
        self.rest(0.1)


def _prepare(place: Path) -> None:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["HOME"] = str(place)
    os.environ["XDG_CONFIG_HOME"] = str(place / "config")
    fonts = place / "fonts.conf"
    fonts.write_text(_FONTS, encoding="utf-8")
    os.environ.setdefault("FONTCONFIG_FILE", str(fonts))
    _IMAGES.mkdir(exist_ok=True)
    from denoiser_gui.qt import QApplication

    QApplication(sys.argv[:1])


def _noisy_photos(folder: Path) -> list[Path]:
    from denoiser import imageio
    from denoiser_cli.commands.samples import SAMPLES, make

    folder.mkdir(parents=True)
    for sample in SAMPLES:
        imageio.write(make(sample)[0], folder / sample.name)
    return sorted(folder.iterdir())


def _draw(name: str, look: str, language: str, state: Callable[[Shot], bool]) -> None:
    os.environ["XDG_DATA_HOME"] = str(Path(os.environ["HOME"]) / f"data-{name}")  # no settings of other screenshots
    shot = Shot(look, language)
    try:
        if state(shot):
            shot.save(name)
    finally:
        shot.close()


def _empty(shot: Shot, _photos: list[Path]) -> bool:
    shot.rest()
    return True


def _side_by_side(shot: Shot, photos: list[Path]) -> bool:
    shot.open(photos)
    return True


def _grid(shot: Shot, photos: list[Path]) -> bool:
    shot.open(photos)
    shot.window.actions_["grid"].trigger()
    shot.rest(2.0)  # until the thumbnails are made
    return True


def _chinese(shot: Shot, photos: list[Path]) -> bool:
    from denoiser_gui.qt import QFontDatabase

    if not QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese):
        sys.stdout.write("window-zh.webp: not written, because there is no Chinese font\n")
        return False
    return _side_by_side(shot, photos)


def _split(shot: Shot, photos: list[Path]) -> bool:
    from denoiser_gui.model.requests import View

    shot.controller.viewer.set_view(View.SPLIT)
    shot.open(photos, 2)
    shot.window.canvas.zoom(3.0)
    shot.rest(3)
    return True


def _difference(shot: Shot, photos: list[Path]) -> bool:
    from denoiser_gui.model.requests import View

    shot.open(photos)
    shot.controller.viewer.set_view(View.DIFFERENCE)
    shot.rest(2)
    return True


def _trust(shot: Shot, photos: list[Path]) -> bool:
    from denoiser_gui.model.requests import View

    shot.open(photos)
    shot.controller.viewer.set_view(View.TRUST)
    shot.rest(3)
    return True


def _batch(shot: Shot, photos: list[Path]) -> bool:
    shot.open(photos)
    broken = photos[0].with_name("scan 17.tif")
    broken.write_bytes(b"II*\0 truncated")
    batch = shot.window.batch
    batch.add([photos[0], broken, *photos[1:]])
    shot.rest()
    batch.control.start(batch.folder)
    shot.until(lambda: sum(row.is_over for row in batch.control.queue.rows) >= 4, "half of the batch")
    return True


def _latent(shot: Shot, photos: list[Path]) -> bool:
    from denoiser.errors import MissingModel
    from denoiser_gui.model.latent import check_codec

    try:
        check_codec()
    except MissingModel:
        sys.stdout.write("window-latent.webp: not written, because there are no codec weights\n")
        return False
    shot.open(photos)
    shot.window.tabs.setCurrentWidget(shot.window.latent)
    shot.until(lambda: shot.window.latent.result is not None, "the latent file")
    return True


def _find(shot: Shot, photos: list[Path]) -> bool:
    from denoiser import imageio

    copies = []
    for photo, side in zip(photos[:3], (400, 300, 200), strict=True):
        copies.append(photo.parent.with_name("Phone") / f"{photo.stem}-{side}.jpg")
        imageio.write(imageio.shrunk(imageio.read(photo), side), copies[-1])
    shot.open([*photos, *copies])
    shot.window.actions_["find"].trigger()
    shot.until(lambda: shot.window.finder.found is not None, "the search")
    shot.rest(3)
    return True


if __name__ == "__main__":
    main()
