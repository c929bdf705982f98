"""Forty tasks of a photographer, done with mouse and keyboard in a real window; a screenshot of each.

Prints the longest stall of the window's thread for each task, and how much of it was work of that thread: the rest
is waiting for a core or for Python's lock. Ends with exit code 1 if a task cannot be done.

It needs a window manager, or no window is active:

    xvfb-run -s "-screen 0 1440x900x24" sh -c "openbox & python benchmarks/window_tasks.py --photos DIR --out DIR"
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gui_script import Script, Watchdog


class Tasks(Script):
    """The tasks, each of which raises if it cannot be done."""

    patience = 60.0  # seconds for one step

    def __init__(self, app: Any, window: Any, watchdog: Watchdog, out: Path, photos: Path) -> None:
        super().__init__(app, window, watchdog)
        self.out, self.photos, self.number, self.failed = out, photos, 0, 0

    # --- what a hand does -----------------------------------------------------------------------------------------

    def press(self, keys: str, widget: Any = None) -> None:
        """Press keys such as "Ctrl+Shift+S" on the focused widget."""
        from PySide6.QtTest import QTest

        from denoiser_gui.qt import QKeySequence, Qt

        stroke = QKeySequence(keys)[0]
        target = widget or self.app.focusWidget() or self.window
        if not target.isActiveWindow():  # a dialog has just been closed
            target.activateWindow()
            self.until(target.isActiveWindow)
        QTest.keyClick(target, Qt.Key(stroke.key()), stroke.keyboardModifiers())

    def hold(self, keys: str) -> Callable[[], None]:
        """Press a key on the photo; the result lets it go."""
        from PySide6.QtTest import QTest

        from denoiser_gui.qt import QKeySequence, Qt

        stroke = QKeySequence(keys)[0]
        words = Qt.Key(stroke.key()), stroke.keyboardModifiers()
        QTest.keyPress(self.canvas, *words)
        return lambda: QTest.keyRelease(self.canvas, *words)

    def type(self, text: str) -> None:
        from PySide6.QtTest import QTest

        widget = self.app.focusWidget()
        if widget is None:
            raise RuntimeError("nothing has the keyboard focus")
        QTest.keyClicks(widget, text)

    def click(self, widget: Any) -> None:
        from PySide6.QtTest import QTest

        from denoiser_gui.qt import Qt

        if not widget.isVisible() or not widget.isEnabled():
            raise RuntimeError(f"{widget.accessibleName() or widget} cannot be clicked")
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def drag(self, widget: Any, start: tuple[float, float], end: tuple[float, float], steps: int = 12) -> None:
        """Drag between two places, given as shares of width and height."""
        from PySide6.QtTest import QTest

        from denoiser_gui.qt import QPoint, Qt

        def at(share: float) -> Any:
            x, y = (one + (other - one) * share for one, other in zip(start, end, strict=True))
            return QPoint(round(x * widget.width()), round(y * widget.height()))

        QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=at(0))
        for step in range(1, steps + 1):
            QTest.mouseMove(widget, at(step / steps))
            self.rest(0.016)
        QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=at(1))

    def wheel(self, widget: Any, notches: int) -> None:
        from PySide6.QtGui import QWheelEvent

        from denoiser_gui.qt import QPoint, QPointF, Qt

        centre = QPointF(widget.width() / 2, widget.height() / 2)
        for _ in range(abs(notches)):
            turned = QPoint(0, 120 if notches > 0 else -120)
            event = QWheelEvent(
                centre, widget.mapToGlobal(centre), QPoint(), turned, Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            self.app.sendEvent(widget, event)
            self.rest(0.03)

    def trigger(self, name: str) -> None:
        """Choose an action from the menu."""
        action = self.window.actions_[name]
        if not action.isEnabled():
            raise RuntimeError(f"{name} is not enabled")
        action.trigger()

    def exact(self) -> None:
        self.until(lambda: self.shows("exact"))

    def _dialog(self, name: str, keys: str) -> None:
        """Open a dialog by its keys, and close it again."""
        from denoiser_gui.qt import QDialog

        def visible() -> list[Any]:
            return [one for one in self.app.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()]

        with self.task(name):
            self.press(keys, self.canvas)
            self.until(lambda: bool(visible()))
            self.rest(0.5)
        for dialog in visible():
            dialog.close()

    # --- tasks ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def task(self, name: str) -> Iterator[None]:
        """A task with its screenshot and its stall."""
        self.number += 1
        self.watchdog.enter(name)
        try:
            yield
            self.rest(0.25)
        except (AttributeError, LookupError, RuntimeError, TimeoutError) as error:
            self.failed += 1
            print(f"{self.number:02} {name}: FAILED, {type(error).__name__}: {error}", flush=True)
        self.watchdog.enter("between tasks")
        self.app.primaryScreen().grabWindow(0).save(
            str(self.out / f"{self.number:02}-{name.replace(' ', '-')}.png")
        )

    def run(self) -> None:
        for part in (
            self._open_and_step, self._settings, self._views, self._zoom, self._snapshots_and_windows,
            self._library, self._export, self._rest,
        ):  # fmt: skip
            part()

    def _open_and_step(self) -> None:
        with self.task("empty window"):
            self.rest(0.5)
        with self.task("open a folder"):
            self.controller.open([self.photos])
            self.until(lambda: len(self.controller.photos) > 1)
            self.exact()
        with self.task("next photo"):
            before = self.controller.current.key
            self.press("Right", self.canvas)
            self.until(lambda: self.controller.current.key != before)
            self.exact()
        with self.task("noise of all photos"):
            self.until(lambda: all(photo.sigma is not None for photo in self.controller.photos))

    def _settings(self) -> None:
        level = self.window.panel.level
        with self.task("type a noise level"):
            level.field.setFocus()
            level.field.selectAll()
            self.type("20")
            self.press("Return")
            self.until(lambda: self.controller.settings.denoise.noise_level == 20)
            self.until(lambda: self.app.focusWidget() is self.canvas)
            self.exact()
        with self.task("turn the wheel over the level"):
            level.slider.setFocus()
            self.wheel(level.slider, 3)
            self.until(lambda: self.controller.settings.denoise.noise_level > 20)
            self.exact()
        with self.task("drag the level"):
            self.drag(level.slider, (0.4, 0.5), (0.7, 0.5), 30)
            self.exact()
        with self.task("undo and redo"):
            now = self.controller.settings
            self.press("Ctrl+Z", self.canvas)
            self.until(lambda: self.controller.settings != now)
            self.press("Ctrl+Shift+Z", self.canvas)
            self.until(lambda: self.controller.settings == now)
        with self.task("strength by keys"):
            slider = self.window.panel.rows["strength"].slider
            slider.setFocus()
            for _ in range(10):
                self.press("Left", slider)
            self.until(lambda: self.controller.settings.denoise.strength < 1)
            self.exact()
        with self.task("reset all"):
            self.press("Ctrl+R", self.canvas)
            self.until(lambda: self.controller.settings.denoise.strength == 1)
            self.exact()
        with self.task("more settings"):
            self.click(self.window.panel.more)
        with self.task("save a preset"):
            self.press("Ctrl+Shift+P", self.canvas)
            self.rest(0.3)
            self.type("Concert")
            self.press("Return")

    def _views(self) -> None:
        for key, name in (
            ("6", "stacked"), ("2", "split"), ("5", "denoised only"), ("3", "difference"), ("4", "trust"),
            ("1", "side by side"),
        ):  # fmt: skip
            with self.task(name):
                self.press(key, self.canvas)
                self.exact()
                if name == "difference":
                    self.press("]", self.canvas)
                    self.exact()
                if name == "split":
                    self.drag(self.canvas, (0.5, 0.5), (0.3, 0.5))
        with self.task("keep more detail"):
            self.press("4", self.canvas)
            self.exact()
            self.click(self.window.middle.trust.keep)
            self.rest(1.0)
            self.exact()
        with self.task("paint a mask"):
            self.press("B", self.canvas)
            self.drag(self.canvas, (0.2, 0.4), (0.4, 0.6))
            self.exact()
        with self.task("radial gradient"):
            self.press("R", self.canvas)
            self.drag(self.canvas, (0.5, 0.5), (0.7, 0.7))
            self.exact()
        with self.task("clear the mask"):
            self.trigger("mask_clear")
            self.trigger("mask")
            self.exact()

    def _zoom(self) -> None:
        self.press("1", self.canvas)
        with self.task("100 per cent"):
            self.press("Z", self.canvas)
            self.exact()
        with self.task("zoom with the wheel"):
            self.wheel(self.canvas, 4)
            self.exact()
        with self.task("pan by dragging"):
            self.drag(self.canvas, (0.4, 0.6), (0.2, 0.3))
            self.exact()
        with self.task("navigator"):
            if not self.window.actions_["navigator"].isChecked():
                self.trigger("navigator")
            self.rest(0.5)
        with self.task("fit"):
            self.press("F", self.canvas)
            self.exact()
        with self.task("hold for the original"):
            let_go = self.hold("Space")
            self.rest(0.4)
        let_go()
        with self.task("loupe"):
            let_go = self.hold("L")
            self.rest(0.8)
        let_go()

    def _snapshots_and_windows(self) -> None:
        with self.task("snapshot and comparison"):
            self.press("Shift+A", self.canvas)
            self.controller.change(noise_level=45.0)
            self.exact()
        self.press("A", self.canvas)  # no comparison
        with self.task("hidden panels"):
            self.press("Tab", self.canvas)
            self.rest(0.4)
            if self.window.tabs.isVisible():
                raise RuntimeError("the panel is still visible")
        self.press("Tab", self.canvas)
        with self.task("full screen"):
            self.press("F11", self.canvas)
            self.rest(0.6)
        self.press("Escape", self.canvas)
        with self.task("second window"):
            self.press("F12", self.canvas)
            self.rest(1.0)
        self.trigger("second_window")

    def _library(self) -> None:
        with self.task("grid"):
            self.press("G", self.canvas)
            self.rest(1.0)
        with self.task("sort by noise"):
            sorting = self.window.middle.grid.sorting
            sorting.setFocus()
            self.press("Down", sorting)
            self.press("Down", sorting)
            sorting.activated.emit(sorting.currentIndex())
        with self.task("select all in the grid"):
            self.press("Ctrl+A", self.window.middle.grid.list)
        self.press("G", self.canvas)
        with self.task("settings for all photos"):
            self.trigger("select_all")
            self.controller.change(noise_level=12.0)
            self.press("Ctrl+Alt+S", self.canvas)
            keys = [photo.key for photo in self.controller.photos]
            self.until(lambda: all(self.controller.settings_of(key).denoise.noise_level == 12 for key in keys))
        with self.task("find similar and odd photos"):
            self.press("Ctrl+F", self.canvas)
            self.rest(6.0)
        self.press("Ctrl+F", self.window)
        with self.task("a broken file"):
            broken = self.photos / "broken.jpg"
            broken.write_bytes(b"\xff\xd8\xff\xe0 no photo")
            self.controller.open([broken])
            self.until(self.window.error.isVisible)
        with self.task("remove it from the list"):
            count = len(self.controller.photos)
            self.press("Ctrl+W", self.window.error)
            self.until(lambda: len(self.controller.photos) == count - 1)
            self.exact()

    def _export(self) -> None:
        self._dialog("save as", "Ctrl+Shift+S")
        with self.task("save"):
            self.press("Ctrl+S", self.canvas)
            self.until(lambda: self.controller.current.saved_as is not None)
        with self.task("batch of all"):
            self.trigger("select_all")
            self.press("Ctrl+B", self.canvas)
            self.until(lambda: len(self.window.batch.control.queue.rows) > 1)
            self.window.batch.control.start(self.window.batch.folder)
            self.rest(1.5)
        with self.task("end of the batch"):
            self.until(lambda: not self.window.batch.control.is_running)
        self.press("Ctrl+Shift+B", self.canvas)

    def _rest(self) -> None:
        with self.task("latent tab"):
            self.window.tabs.setCurrentIndex(1)
            self.rest(8.0)
        self.window.tabs.setCurrentIndex(0)
        self._dialog("preferences", "Ctrl+,")
        self._dialog("shortcuts", "F1")
        with self.task("copy as command"):
            self.press("Ctrl+Shift+C", self.canvas)
            self.until(lambda: "denoise" in self.app.clipboard().text())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="photos, which are copied")
    parser.add_argument("--limit", type=int, default=6, metavar="N", help="of the photos (6)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the screenshots")
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    parser.add_argument("--language", default="en", choices=("en", "zh"))
    words = parser.parse_args()
    words.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="denoise-tasks-") as place:
        os.environ["XDG_DATA_HOME"], os.environ["XDG_CONFIG_HOME"] = f"{place}/data", f"{place}/config"
        photos = Path(place, "photos")
        photos.mkdir()
        for path in sorted(path for path in words.photos.iterdir() if path.is_file())[: words.limit]:
            shutil.copy(path, photos)
        return _session(words, photos)


def _session(words: argparse.Namespace, photos: Path) -> int:
    from denoiser_gui.app import open_window
    from denoiser_gui.model.preferences import Preferences, save_preferences
    from denoiser_gui.qt import QApplication, QTimer

    save_preferences(Preferences(theme=words.theme, language=words.language))
    app = QApplication(["denoise"])
    window = open_window([])
    room = app.primaryScreen().availableGeometry()
    window.setGeometry(room)
    tasks = Tasks(app, window, Watchdog(QTimer(app)), words.out, photos)
    tasks.until(window.isVisible)
    window.activateWindow()
    tasks.run()
    window.quit()
    stalls = tasks.watchdog.stalls
    for name in sorted(stalls, key=lambda name: -stalls[name])[:12]:
        print(f"{stalls[name]:6.0f} ms, {tasks.watchdog.work[name]:6.0f} ms work: {name}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{tasks.number} tasks, {tasks.failed} failed; {memory:.0f} MB at most; {app.platformName()}", flush=True)
    return int(tasks.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
