"""Random walks through the window: exact means exact, settings survive closing, and nothing is lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_gui.controller import Controller
from denoiser_gui.model.mask import Ink, Inverted, Linear, Radial, Stroke, begun
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.preferences import Preferences
from denoiser_gui.model.requests import State, View
from denoiser_gui.qt import QApplication
from denoiser_gui.view import theme
from denoiser_gui.view.main_window import MainWindow

_WALKS, _STEPS = 200, 12
_PATIENCE = 120_000
_PHOTOS = {"a.png": (90, 120, 255), "b.jpg": (64, 64, 255), "grey.png": (80, 70, 255), "deep.tif": (60, 100, 65535)}


@pytest.fixture
def photos(tmp_path: Path) -> dict[Path, bytes]:
    """Photos of several kinds, and their bytes."""
    chance = np.random.default_rng(3)
    made = {}
    for name, (height, width, white) in _PHOTOS.items():
        shape = (height, width, 1 if name == "grey.png" else 3)
        values = np.clip(chance.normal(0.45, 0.08, shape), 0, 1) * white
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True)
        imageio.write(from_numpy(values.astype(np.uint8 if white == 255 else np.uint16)), path)
        made[path] = path.read_bytes()
    return made


class Walk:
    """A window in which things are done at random."""

    def __init__(self, chance: random.Random, qtbot: QtBot, weights: str) -> None:
        self.chance, self.qtbot, self.weights = chance, qtbot, weights
        self.saved = 0
        self.window = self.opened()

    def opened(self) -> MainWindow:
        window = MainWindow(Controller(Preferences()))
        window.show()
        self.qtbot.waitExposed(window)
        return window

    @property
    def controller(self) -> Controller:
        return self.window.controller

    def until(self, reached: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(reached, timeout=_PATIENCE)

    def settle(self) -> None:
        """Wait for the exact view of the current settings."""
        self.until(lambda: self.window.canvas.shown_state is State.EXACT and self.is_current)

    @property
    def is_current(self) -> bool:
        frame = self.window.canvas.frame
        return frame is not None and self.controller.viewer.is_current(frame)

    @property
    def target(self) -> Path | None:
        current = self.controller.current
        return None if current is None else current.saved_as

    # --- steps ----------------------------------------------------------------------------------------------------

    def level(self) -> None:
        self.controller.change(noise_level=self.chance.choice([None, 0.0, 2.5, 12.0, 40.0, 75.0]))

    def amounts(self) -> None:
        name = self.chance.choice(["strength", "colour_noise", "detail", "grain"])
        self.controller.change(**{name: self.chance.choice([0.0, 0.3, 1.0])})

    def hot_pixels(self) -> None:
        self.controller.change(hot_pixels=self.chance.choice(["auto", "off"]))

    def mask(self) -> None:
        draw = self.chance.random
        start, end = (draw(), draw()), (draw(), draw())
        ink = Ink(self.chance.choice([0.0, 0.5, 1.0]), self.chance.choice([0.3, 1.0]))
        steps = (
            Stroke((start, end), self.chance.choice([0.05, 0.4]), 0.5, ink),
            Linear(start, end, ink),
            Radial(start, end, 0.5, ink),
            Inverted(),
        )
        mask = begun(self.controller.settings.mask, erases=False).then(self.chance.choice(steps))
        self.controller.set_mask(None if draw() < 0.2 else mask)

    def history(self) -> None:
        self.chance.choice([self.controller.undo, self.controller.redo])()

    def reset(self) -> None:
        self.window.actions_["reset"].trigger()
        self.controller.change(model=self.weights, device="cpu", precision="fp32")

    def another_photo(self) -> None:
        self.controller.show_neighbour(self.chance.choice([-1, 1]))

    def another_view(self) -> None:
        self.window.actions_[self.chance.choice(list(View)).value].trigger()

    def zoom(self) -> None:
        self.window.actions_[self.chance.choice(["fit", "actual_size", "zoom_in", "zoom_out"])].trigger()

    def panels(self) -> None:
        self.window.actions_[self.chance.choice(["panels", "navigator", "batch", "grid"])].trigger()

    def snapshot(self) -> None:
        self.window.actions_[self.chance.choice(["take_snapshot", "compare_snapshot", "swap_snapshot"])].trigger()

    def copy_settings(self) -> None:
        self.window.strip.select_all()
        for name in self.chance.choice([("copy_settings", "paste_settings"), ("sync",), ("sync_level",)]):
            self.window.actions_[name].trigger()

    def batch(self) -> None:
        self.window.actions_["add_to_batch"].trigger()
        control = self.window.batch.control
        if self.chance.random() < 0.5 and not control.is_running:
            control.start(self.window.batch.folder, replace=True)

    def resize(self) -> None:
        self.window.resize(self.chance.randint(900, 1500), self.chance.randint(640, 900))

    def rest(self) -> None:
        self.qtbot.wait(self.chance.randint(1, 60))

    # --- checks ---------------------------------------------------------------------------------------------------

    def check_written(self) -> np.ndarray:
        """The exact view has the pixels that are written, and that this returns."""
        if not self.window.canvas.isVisible():
            self.window.actions_["grid"].trigger()
        self.window.actions_[View.SPLIT.value].trigger()
        if self.window.actions_["compare_snapshot"].isChecked():
            self.window.actions_["compare_snapshot"].trigger()
        self.window.actions_["actual_size"].trigger()
        self.settle()
        photo, frame = self.controller.current, self.window.canvas.frame
        assert photo is not None and frame is not None and frame.right_values is not None
        self.until(lambda: not self.window.batch.control.is_running)
        self.window.saver.target_of(photo).unlink(missing_ok=True)  # of an earlier window: it would ask first
        with self.qtbot.waitSignal(self.window.saver.saved, timeout=_PATIENCE):
            self.window.actions_["save"].trigger()
        self.until(lambda: not self.window.saver.is_busy)
        assert self.target is not None
        written = imageio.read(self.target)
        region = frame.region
        there = written.pixels[region.top : region.bottom, region.left : region.right]
        if photo.path is not None and photo.path.suffix != ".jpg":  # a JPEG is compressed once more
            assert np.array_equal(frame.right_values, there), self.controller.settings
        self.saved += 1
        return written.pixels

    def reopen(self) -> None:
        """Close the window and open it again: settings are those before."""
        before = {photo.path: self.controller.settings_of(photo.key) for photo in self.controller.photos}
        current = self.controller.current
        self.close()
        self.window = self.opened()
        self.controller.open([path for path in before if path is not None])
        self.until(lambda: len(self.controller.photos) == len(before))
        self.until(lambda: self.controller.current_pyramid is not None)
        for photo in self.controller.photos:
            self.controller.show_photo(photo.key)
            self.until(lambda: self.controller.current_pyramid is not None)
            assert _compared(self.controller.settings) == _compared(before[photo.path]), photo.path
        if current is not None:
            self.controller.show_photo(
                next(photo.key for photo in self.controller.photos if photo.path == current.path)
            )

    def close(self) -> None:
        self.window.batch.control.stop()
        self.until(lambda: not self.window.batch.control.is_running)
        self.window.saver.stop()
        self.window.quit()


def _compared(settings: PhotoSettings) -> dict[str, object]:
    return settings.differing()


_MOVES = (
    *("level", "amounts", "amounts", "mask", "mask", "hot_pixels", "history", "reset", "another_photo"),
    *("another_view", "zoom", "panels", "snapshot", "copy_settings", "batch", "resize", "rest"),
)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(_WALKS // 10))
def test_ten_random_walks(
    model: None, qapp: QApplication, qtbot: QtBot, photos: dict[Path, bytes], tiny_weights: Path, seed: int
) -> None:
    theme.install(qapp, "dark")
    for number in range(10):
        chance = random.Random(10 * seed + number)
        walk = Walk(chance, qtbot, str(tiny_weights))
        walk.controller.open(list(photos))
        walk.until(lambda walk=walk: walk.controller.current_pyramid is not None)
        for photo in walk.controller.photos:
            walk.controller.show_photo(photo.key)
            walk.controller.change(model=str(tiny_weights), device="cpu", precision="fp32")
        try:
            for _ in range(_STEPS):
                getattr(walk, chance.choice(_MOVES))()
            written = walk.check_written()
            walk.reopen()
            assert np.array_equal(walk.check_written(), written), "also with the mask that was stored"
        finally:
            walk.close()
        assert walk.saved == 2
        assert {path: path.read_bytes() for path in photos} == photos, "photos are never changed"
