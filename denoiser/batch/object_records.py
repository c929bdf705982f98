"""The records of an output folder in a store: the same lines as in files, in objects of about 1 MiB.

Objects cannot be appended to. Each run therefore writes `.denoise/run-ID-0000.jsonl` again with every new line, at
most once a second, and begins the next object when it has grown. A killed run loses the lines of its last second.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from denoiser import storage
from denoiser.batch.history import History, RecordsFile, merge, note_end, read_history, take_line
from denoiser.batch.manifest import FOLDER, Manifest
from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError
from denoiser.storage import Url, Wait

_BYTES_OF_AN_OBJECT = 1 << 20
_BETWEEN_UPLOADS = 1.0  # seconds
_PATIENCE_AT_THE_END = 30.0  # seconds; lines that are lost then only repeat some work
_READERS = 16  # threads that wait for the store


def records_for(folder: Path, settings: Settings) -> Manifest:
    """Return the records of a new run in this output folder."""
    return ObjectManifest(folder, settings) if isinstance(folder, Url) else Manifest(folder, settings)


class ObjectManifest(Manifest):
    """The records of one run in a store. Thread-safe; a thread uploads them from `start` to `close`."""

    def __init__(self, out: Path, settings: Settings) -> None:
        super().__init__(out, settings)
        self._part = 0
        self._lines = bytearray()  # of the current object
        self._uploaded = 0  # bytes of it that the store has
        self._closing = threading.Event()
        self._news = threading.Condition(self._lock)
        self._end = float("inf")
        self._error: DenoiserError | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether `start` was called and `close` was not."""
        return self._thread is not None

    def _create(self) -> None:
        self._lines += self._opening.encode() + b"\n"
        self._upload()  # now, so that a store that refuses it stops the run before it begins
        self._thread = threading.Thread(target=self._upload_all, name="denoise-records", daemon=True)
        self._thread.start()

    def _write(self, line: str) -> None:
        with self._news:
            if self._error is not None:
                raise self._error
            self._lines += line.encode() + b"\n"
            self._news.notify()

    def _close(self) -> None:
        thread, self._thread = self._thread, None
        self._end = time.monotonic() + _PATIENCE_AT_THE_END
        self._closing.set()
        with self._news:
            self._news.notify()
        if thread is not None:
            thread.join()
        if self._error is not None:
            raise self._error

    def _upload_all(self) -> None:
        while not self._is_finished():
            self._closing.wait(_BETWEEN_UPLOADS)
            try:
                self._upload()
            except DenoiserError as error:
                with self._lock:
                    self._error = error
                return

    def _is_finished(self) -> bool:
        """Wait for new lines; return whether all are uploaded and the run has ended."""
        with self._news:
            while len(self._lines) == self._uploaded:
                if self._closing.is_set():
                    return True
                self._news.wait()
        return False

    def _upload(self) -> None:
        with self._lock:
            data = bytes(self._lines)
        url = self._path.with_name(f"{self._path.stem}-{self._part:04}.jsonl")
        assert isinstance(url, Url)
        storage.write_bytes(url, data, wait=self._wait)
        with self._lock:
            self._uploaded = len(data)
            if len(data) >= _BYTES_OF_AN_OBJECT:
                del self._lines[: len(data)]
                self._part += 1
                self._uploaded = 0

    def _wait(self, seconds: float) -> bool:
        if self._closing.wait(seconds):
            time.sleep(max(0.0, min(seconds, self._end - time.monotonic())))
        return time.monotonic() >= self._end


def history_of(folder: Path, *, slim: bool = False, wait: Wait | None = None) -> History:
    """Return the merged records of this output folder, wherever it is; *slim* ones of a store."""
    return read_objects(folder, slim=slim, wait=wait) if isinstance(folder, Url) else read_history(folder)


def read_objects(out: Url, *, slim: bool = False, wait: Wait | None = None) -> History:
    """Return the merged records below *out*, which are read in parallel.

    With *slim*, only what determines whether an output is done is kept. *wait* pauses between attempts.
    """
    history = History(slim=slim)
    folder = out / FOLDER
    found = sorted(info.name for info in storage.listed(folder, wait=wait) if info.name.startswith("run-"))
    urls = [Url(folder / name) for name in found if name.endswith(".jsonl")]
    with ThreadPoolExecutor(_READERS, thread_name_prefix="denoise-records") as readers:
        for url, data in zip(urls, _read_ahead(readers, urls, wait), strict=True):
            run: Path = url.with_name(url.stem.rpartition("-")[0])
            file = history.files.setdefault(run, RecordsFile())
            for words in _lines(data):
                take_line(words, file, run, history)
    for run in history.files:
        note_end(run, history)
    merge(history)
    return history


def _read_ahead(readers: ThreadPoolExecutor, urls: list[Url], wait: Wait | None) -> Iterator[bytes]:
    """Yield the content of each object, reading only a few ahead."""
    read = functools.partial(storage.read_bytes, wait=wait)
    for start in range(0, len(urls), _READERS):
        yield from readers.map(read, urls[start : start + _READERS])


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        with suppress(ValueError, RecursionError):
            words = json.loads(line)
            if isinstance(words, dict):
                yield words
