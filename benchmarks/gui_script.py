"""The window under a script, with a watchdog on its thread: the child process of gui_latency.py."""

from __future__ import annotations

import sys
import time

_BORN = time.time()  # of the interpreter; what came before it is read from the system
import json  # noqa: E402
import os  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

_BEAT_MS = 2


def _launched() -> float:
    """When this process was begun, by the system's clock."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return _BORN


class Watchdog:
    """A timer of the window's thread that notes how late it comes, and how much of that was work of this thread.

    The rest is waiting: for Python's lock, or for a core that others have.
    """

    def __init__(self, timer: Any) -> None:
        self._last, self._worked = time.perf_counter(), time.thread_time()
        self._step = "start"
        self.stalls: dict[str, float] = {}
        self.work: dict[str, float] = {}
        timer.timeout.connect(self._beat)
        timer.start(_BEAT_MS)

    def enter(self, step: str) -> None:
        """What follows is this."""
        self._beat()
        self._step = step

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        late, work = (now - self._last) * 1e3 - _BEAT_MS, (worked - self._worked) * 1e3
        self.stalls[self._step] = max(self.stalls.get(self._step, 0.0), late)
        self.work[self._step] = max(self.work.get(self._step, 0.0), work)
        self._last, self._worked = now, worked


class Script:
    """Does to the window what a person does, and keeps the time."""

    patience = 600.0  # seconds for anything

    def __init__(self, app: Any, window: Any, watchdog: Watchdog) -> None:
        self.app, self.window, self.watchdog = app, window, watchdog
        self.controller, self.viewer, self.canvas = window.controller, window.controller.viewer, window.canvas
        self.milliseconds: dict[str, float] = {}

    def until(self, condition: Callable[[], bool]) -> float:
        """Lets the window live until something holds; gives the milliseconds that it took."""
        began = time.perf_counter()
        while not condition():
            if time.perf_counter() - began > self.patience:
                raise TimeoutError(f"waited {self.patience:.0f} s")
            self.app.processEvents()
            time.sleep(0.0005)
        return (time.perf_counter() - began) * 1e3

    def rest(self, seconds: float) -> None:
        """Lets the window live for a while."""
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() >= end)

    def shows(self, *states: str) -> bool:
        """Whether a frame of what is wanted now is drawn, and in one of these states."""
        frame = self.canvas.frame
        current = frame is not None and self.viewer.is_current(frame)
        return current and self.canvas.shown_state.value in states

    def pane(self, width: int, height: int) -> None:
        """Makes the canvas this large."""
        size, canvas = self.window.size(), self.canvas.size()
        self.window.resize(size.width() + width - canvas.width(), size.height() + height - canvas.height())
        self.until(lambda: abs(self.canvas.width() - width) <= 2 and abs(self.canvas.height() - height) <= 2)


def _percentile(values: list[float]) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))]


def _levels(script: Script, changes: int) -> None:
    """New levels for a view of one megapixel at 100 %."""
    from denoiser_gui.model.requests import View

    script.viewer.set_view(View.SPLIT)
    script.pane(1250, 800)
    script.canvas.zoom(1.0)
    script.until(lambda: script.shows("exact"))
    drafts, exact = [], []
    for number in range(changes):
        script.controller.change(noise_level=float(5 + (number * 7) % 40) + number / 100)
        drafts.append(script.until(lambda: script.shows("draft", "exact")))
        exact.append(drafts[-1] + script.until(lambda: script.shows("exact")))
    script.milliseconds["draft of a new level, 95th percentile"] = _percentile(drafts)
    script.milliseconds["exact view of a new level, 95th percentile"] = _percentile(exact)
    script.milliseconds["draft of a new level, median"] = sorted(drafts)[len(drafts) // 2]
    script.milliseconds["exact view of a new level, median"] = sorted(exact)[len(exact) // 2]


def _strengths(script: Script, changes: int) -> None:
    """Another strength of a view of 1920 x 1080 at 100 %, when the photo is all clean."""
    script.pane(1920, 1080)
    script.until(lambda: script.shows("exact"))
    script.until(lambda: script.viewer.status.progress == 1 and not script.viewer.is_working)
    taken = []
    for number in range(changes):
        script.controller.change(strength=0.2 + 0.7 * (number % 37) / 37)
        taken.append(script.until(lambda: script.shows("exact")))
    script.milliseconds["another strength of 1080p, 95th percentile"] = _percentile(taken)
    script.milliseconds["another strength of 1080p, median"] = sorted(taken)[len(taken) // 2]
    script.controller.change(strength=1.0)


def _scripted(script: Script) -> None:
    """Open, zoom, slide 200 times, switch photo, save, with the watchdog looking."""
    enter = script.watchdog.enter
    enter("zoom")
    for step in (1, 1, 1, 1, 1, 1, -1, -1, -1, 1, 1):
        script.canvas.zoom_step(step)
        script.rest(0.04)
    script.canvas.zoom(1.0)
    enter("pan")
    for _ in range(40):
        script.viewer.set_viewport(script.viewer.viewport.panned(-25, -15))
        script.rest(0.016)
    enter("slide 200 times")
    slider = script.window.panel.level.slider
    for number in range(200):
        slider.setValue(2000 + 30 * (number % 100))
        script.rest(0.016)
    script.until(lambda: script.shows("exact"))
    enter("slide the strength")
    for number in range(60):
        script.controller.change(strength=number / 60)
        script.rest(0.016)
    enter("switch photo")
    script.controller.show_neighbour(1)
    script.until(lambda: script.shows("draft", "exact"))
    script.controller.show_neighbour(-1)
    script.until(lambda: script.shows("exact"))
    enter("save")
    script.window.commands.save()
    script.until(lambda: script.controller.current.saved_as is not None)
    enter("after saving")
    script.rest(0.3)


def _close_while_working(script: Script) -> None:
    script.controller.change(noise_level=33.3)
    script.rest(0.25)
    began = time.perf_counter()
    script.window.close()
    script.milliseconds["closing while the network works"] = (time.perf_counter() - began) * 1e3


def main() -> None:
    launched = _launched()
    changes, photos = int(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    from denoiser_gui.app import open_window
    from denoiser_gui.qt import QApplication, QTimer

    app = QApplication(["denoise"])
    window = open_window(photos[:1])
    script = Script(app, window, Watchdog(QTimer(app)))
    script.until(window.isVisible)
    app.processEvents()
    script.milliseconds["window visible"] = (time.time() - launched) * 1e3
    script.until(lambda: script.shows("draft", "exact"))
    script.milliseconds["first clean view, from launch"] = (time.time() - launched) * 1e3
    script.until(lambda: script.shows("exact"))
    script.rest(1.0)
    script.watchdog.enter("open")
    script.controller.open(photos[1:2])
    other = lambda: script.controller.current.path == photos[1] and script.shows("draft", "exact")  # noqa: E731
    script.milliseconds["first clean view, warm"] = script.until(other)
    script.until(lambda: script.shows("exact"))
    script.watchdog.enter("new levels")
    _levels(script, changes)
    script.watchdog.enter("strengths")
    _strengths(script, changes)
    _scripted(script)
    script.watchdog.enter("close")
    _close_while_working(script)
    stalls = {step: late for step, late in script.watchdog.stalls.items() if step not in ("start", "close")}
    script.milliseconds["longest stall of the window"] = max(stalls.values())
    told = {"milliseconds": script.milliseconds, "stalls": script.watchdog.stalls, "work": script.watchdog.work}
    print(json.dumps(told | {"platform": app.platformName()}), flush=True)


if __name__ == "__main__":
    main()
