"""The mask tools in the window, with real photos and the real model: preview, files, undo, batch and command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser.imageio.screen import halved, resized
from denoiser_cli import app
from denoiser_gui.controller import Controller
from denoiser_gui.model.batch_queue import RowState
from denoiser_gui.model.mask import Fill, Inverted, Linear, Mask, MaskDrawer, Radial, Stroke, TrustMap
from denoiser_gui.model.preferences import Preferences
from denoiser_gui.model.requests import State
from denoiser_gui.model.stored_settings import mask_file
from denoiser_gui.qt import QApplication, QGuiApplication, QImage, QPoint, QRegion, Qt, QWidget
from denoiser_gui.view import theme
from denoiser_gui.view.main_window import MainWindow

_PATIENCE = 60_000  # ms; a loaded machine is slow


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    from skimage import data

    paths = []
    for number in range(2):
        noise = np.random.default_rng(number).normal(size=(300, 420, 3)) * 18
        values = np.clip(np.rint(data.astronaut()[:300, :420] + noise), 0, 255).astype(np.uint8)
        paths.append(tmp_path / "photos" / f"{number}.png")
        paths[-1].parent.mkdir(exist_ok=True)
        imageio.write(from_numpy(values), paths[-1])
    return paths


@pytest.fixture
def make_window(model: None, qapp: QApplication, qtbot: QtBot) -> Iterator[Callable[..., MainWindow]]:
    """Makes windows that show photos and their masks."""
    made: list[MainWindow] = []

    def make(*paths: Path, place: str = "app") -> MainWindow:
        theme.install(qapp, "dark")
        window = MainWindow(Controller(Preferences(settings_place=place)))
        made.append(window)
        window.show()
        qtbot.waitExposed(window)
        window.controller.open(paths)
        until_exact(window, qtbot)
        return window

    yield make
    for window in made:
        close(window)


@pytest.fixture
def window(make_window: Callable[..., MainWindow], photos: list[Path]) -> MainWindow:
    window = make_window(*photos)
    window.actions_["mask"].trigger()
    return window


def close(window: MainWindow) -> None:
    window.saver.stop()
    window.close()
    window.controller.deleteLater()
    window.deleteLater()


def until_exact(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.canvas.shown_state is State.EXACT, timeout=_PATIENCE)


def drag(window: MainWindow, qtbot: QtBot, *points: tuple[float, float]) -> None:
    """Drag between points, shares of the right pane's photo."""
    overlay, viewport = window.mask_tools.overlay, window.controller.viewer.viewport
    assert viewport is not None
    panes, (left, top) = window.canvas.panes, viewport.origin
    corner = panes.origin(panes.all[-1])

    def place(point: tuple[float, float]) -> QPoint:
        across = corner.x() + left + point[0] * viewport.photo_width * viewport.scale
        return QPoint(round(across), round(top + point[1] * viewport.photo_height * viewport.scale))

    qtbot.mousePress(overlay, Qt.MouseButton.LeftButton, pos=place(points[0]))
    for point in points[1:]:
        qtbot.mouseMove(overlay, place(point))
    qtbot.mouseRelease(overlay, Qt.MouseButton.LeftButton, pos=place(points[-1]))


def steps(window: MainWindow) -> list[type]:
    mask = window.controller.settings.mask
    return [] if mask is None else [type(step) for step in mask.steps]


def saved(window: MainWindow, qtbot: QtBot) -> np.ndarray:
    with qtbot.waitSignal(window.saver.saved, timeout=_PATIENCE) as written:
        window.actions_["save"].trigger()
    return imageio.read(written.args[0]).pixels


@pytest.mark.parametrize("side", [1, 3])
def test_the_exact_preview_is_what_is_saved(
    make_window: Callable[..., MainWindow], photos: list[Path], qtbot: QtBot, side: int
) -> None:
    imageio.write(from_numpy(np.tile(imageio.read(photos[0]).pixels, (side, side, 1))), photos[0])
    window = make_window(*photos)
    window.actions_["mask"].trigger()
    window.controller.change(grain=0.5, strength=0.9)
    drag(window, qtbot, (0.2, 0.3), (0.5, 0.5), (0.8, 0.4))
    assert steps(window) == [Fill, Stroke]
    if side == 1:
        window.canvas.zoom(1.0)
    until_exact(window, qtbot)
    frame, pixels = window.canvas.frame, saved(window, qtbot)
    source = imageio.read(photos[0]).pixels
    black = MaskDrawer().pixels(window.controller.settings.mask, source.shape[:2]) == 0
    assert np.array_equal(pixels[black], source[black]) and 0.3 < black.mean() < 0.95
    assert (pixels[~black] != source[~black]).any()
    assert frame is not None
    shown = frame.right_values
    assert (frame.request.viewport.scale == 1) == (side == 1)
    expected = pixels[frame.region.slices] if side == 1 else resized(halved(pixels), *shown.shape[:2])
    assert np.array_equal(shown, expected)


def test_undo_goes_back_a_stroke(window: MainWindow, qtbot: QtBot) -> None:
    drag(window, qtbot, (0.2, 0.3), (0.4, 0.3))
    drag(window, qtbot, (0.2, 0.6), (0.4, 0.6))
    assert steps(window) == [Fill, Stroke, Stroke]
    window.actions_["undo"].trigger()
    assert steps(window) == [Fill, Stroke]
    window.actions_["undo"].trigger()
    assert steps(window) == []
    window.actions_["redo"].trigger()
    assert steps(window) == [Fill, Stroke]
    until_exact(window, qtbot)


def test_every_tool_adds_its_step(window: MainWindow, qtbot: QtBot) -> None:
    actions = window.actions_
    actions["mask_linear"].trigger()
    drag(window, qtbot, (0.2, 0.5), (0.8, 0.5))
    actions["mask_radial"].trigger()
    drag(window, qtbot, (0.5, 0.5), (0.7, 0.7))
    actions["mask_brush"].trigger()
    actions["mask_erase"].trigger()
    drag(window, qtbot, (0.5, 0.5), (0.6, 0.5))
    actions["mask_invert"].trigger()
    assert steps(window) == [Fill, Linear, Radial, Stroke, Inverted]
    mask = window.controller.settings.mask
    assert mask is not None and mask.steps[3].ink.value == 0.0
    actions["mask_clear"].trigger()
    assert steps(window) == []
    actions["mask_trust"].trigger()
    qtbot.waitUntil(lambda: steps(window) == [TrustMap], timeout=_PATIENCE)
    until_exact(window, qtbot)


def test_a_first_stroke_of_the_eraser_begins_with_white(window: MainWindow, qtbot: QtBot) -> None:
    window.mask_tools.erase.setChecked(True)
    drag(window, qtbot, (0.2, 0.3), (0.4, 0.3))
    mask = window.controller.settings.mask
    assert mask is not None and mask.steps[0] == Fill(1.0)


def test_a_stroke_is_shown_while_it_is_drawn(window: MainWindow, qtbot: QtBot) -> None:
    overlay = window.mask_tools.overlay
    middle = QPoint(overlay.width() * 3 // 4, overlay.height() // 2)

    def shown() -> QImage:
        image = QImage(overlay.size(), QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        overlay.render(image, QPoint(), QRegion(), QWidget.RenderFlag(0))
        return image

    assert shown().pixelColor(middle).alpha() == 0
    qtbot.mousePress(overlay, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(overlay, middle + QPoint(80, 10))
    assert window.controller.settings.mask is None
    assert shown().pixelColor(middle).alpha() > 100  # the pointer is elsewhere
    qtbot.mouseRelease(overlay, Qt.MouseButton.LeftButton, pos=overlay.rect().center())
    assert steps(window) == [Fill, Stroke]
    window.mask_tools.show_overlay.setChecked(False)
    assert shown().pixelColor(middle).alpha() == 0
    window.actions_["mask"].trigger()
    assert not overlay.isVisible() and not window.mask_tools.isVisible()


def test_a_stroke_can_be_drawn_with_the_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    overlay = window.mask_tools.overlay
    assert window.focusWidget() is overlay
    key = Qt.Key
    for pressed in (key.Key_Right, key.Key_Return, key.Key_Right, key.Key_Down, key.Key_Right, key.Key_Return):
        qtbot.keyClick(overlay, pressed)
    assert steps(window) == [Fill, Stroke]
    mask = window.controller.settings.mask
    assert mask is not None and len(mask.steps[1].points) > 1
    assert window.controller.current == window.controller.photos[0]  # arrow keys do not change the photo


def test_keys_and_names(window: MainWindow, qtbot: QtBot) -> None:
    tools, size = window.mask_tools, window.mask_tools.brush_size.amount
    window.actions_["mask_larger"].trigger()
    assert tools.brush_size.amount > 1.2 * size
    window.actions_["mask_smaller"].trigger()
    assert abs(tools.brush_size.amount - size) < 0.1 * size
    assert window.actions_["mask_smaller"].shortcut().toString() == "Ctrl+["
    widgets = (*tools.tools.values(), tools.erase, tools.brush_size, tools.softness, tools.strength, tools.trust)
    names = [widget.accessibleName() for widget in (*widgets, tools.invert, tools.clear, tools.show_overlay)]
    assert all(names) and len(set(names)) == len(names)
    assert all(widget.focusPolicy() & Qt.FocusPolicy.TabFocus for widget in widgets)


@pytest.mark.parametrize("place", ["app", "sidecar"])
def test_the_mask_of_a_photo_comes_back(
    make_window: Callable[..., MainWindow], photos: list[Path], qtbot: QtBot, place: str
) -> None:
    window = make_window(photos[0], place=place)
    window.actions_["mask"].trigger()
    drag(window, qtbot, (0.2, 0.3), (0.6, 0.5))
    mask = window.controller.settings.mask
    window.close()
    assert mask_file(photos[0], beside=place == "sidecar").is_file()
    again = make_window(photos[0])
    qtbot.waitUntil(lambda: again.controller.settings.mask is not None, timeout=_PATIENCE)
    restored = again.controller.settings.mask
    assert restored is not None and mask is not None
    assert np.array_equal(MaskDrawer().pixels(restored, (300, 420)), MaskDrawer().pixels(mask, (300, 420)))
    until_exact(again, qtbot)
    again.actions_["mask_clear"].trigger()
    again.close()
    assert not mask_file(photos[0], beside=True).exists() and not mask_file(photos[0]).exists()


def test_the_copied_command_makes_the_saved_file(
    window: MainWindow, photos: list[Path], tmp_path: Path, qtbot: QtBot
) -> None:
    drag(window, qtbot, (0.2, 0.3), (0.6, 0.5))
    until_exact(window, qtbot)
    window.actions_["copy_command"].trigger()  # the mask may not be stored yet
    qtbot.waitUntil(lambda: mask_file(photos[0]).is_file(), timeout=_PATIENCE)
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[-2:] == ["--mask", str(mask_file(photos[0]))]
    words[words.index("--out") + 1] = str(tmp_path / "by-command.png")
    assert app.run(words[1:]) == 0
    assert np.array_equal(imageio.read(tmp_path / "by-command.png").pixels, saved(window, qtbot))


def test_the_batch_uses_the_mask_that_the_photo_had(
    window: MainWindow, photos: list[Path], tmp_path: Path, qtbot: QtBot
) -> None:
    drag(window, qtbot, (0.2, 0.3), (0.6, 0.5))
    until_exact(window, qtbot)
    expected, control = saved(window, qtbot), window.batch.control
    control.add([photos[0]])
    qtbot.waitUntil(lambda: len(control.queue.rows) == 1, timeout=_PATIENCE)
    window.actions_["mask_clear"].trigger()
    control.start(tmp_path / "batch")
    qtbot.waitUntil(lambda: bool(control.queue.in_state(RowState.DONE, RowState.FAILED)), timeout=_PATIENCE)
    [row] = control.queue.rows
    assert (row.state, row.problem) == (RowState.DONE, "")
    made = imageio.read(tmp_path / "batch" / "0.png").pixels.astype(int)
    assert np.abs(made - expected).max() <= 1 and np.mean(made != expected) < 0.01  # tiles of another size
    qtbot.waitUntil(lambda: not control.is_running, timeout=_PATIENCE)


def test_gradients_are_copied_and_painted_masks_are_not(window: MainWindow, qtbot: QtBot) -> None:
    controller = window.controller
    first, second = (photo.key for photo in controller.photos)
    window.actions_["mask_linear"].trigger()
    drag(window, qtbot, (0.2, 0.5), (0.8, 0.5))
    gradient = controller.settings.mask
    window.copier.sync([first, second])
    assert controller.settings_of(second).mask == gradient
    window.actions_["mask_brush"].trigger()
    drag(window, qtbot, (0.2, 0.3), (0.6, 0.5))
    controller.change(strength=0.5)
    window.copier.sync([first, second])
    assert controller.settings_of(second).mask == gradient
    assert controller.settings_of(second).denoise.strength == 0.5
    assert isinstance(controller.settings.mask, Mask) and steps(window) == [Fill, Linear, Stroke]
