"""Embeds images: a table with a row for each, with its features, a thumbnail and a few facts.

    path, folder            as given
    features                one vector for each image; see denoiser.workbench.encoder
    width, height           upright, in pixels
    date, taken             date is when the photo was taken by its EXIF (taken), or the file's modification time
    noise                   luma level in the middle of the image, on the 0–255 scale
    sharpness               finest detail in the middle without the noise, relative to the contrast there
    thumbnail               WebP, at most 128 by 128
    grey                    64 by 64 bytes, by which copies are recognised; see denoiser.workbench.alignment
    bytes, modified         of the file, to recognise an unchanged one

Rows depend on the file and the model alone, not on the other rows.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from denoiser import imageio, storage
from denoiser.atomicfile import whole_file
from denoiser.errors import DenoiserError, MissingExtra, StoreUnavailable, UnreadableImage, UsageError
from denoiser.estimation.estimator import estimate_noise
from denoiser.events import CancelToken, FileDone, FileFailed, FileStarted, Listener, Started, ignore
from denoiser.image import Image, Pixels, from_numpy
from denoiser.imageio.containers import exif
from denoiser.options import ReadOptions, WriteOptions
from denoiser.storage import Url, location
from denoiser.workbench.encoder import SIDE, Encoder, load_encoder

if TYPE_CHECKING:
    from pandas import DataFrame

THUMBNAIL = 128  # pixels on the longer side
COLUMNS = [
    *("path", "folder", "features", "width", "height", "date", "taken"),
    *("noise", "sharpness", "thumbnail", "grey", "bytes", "modified"),
]
GREY = 64
_WEBP = WriteOptions(quality=70, strip=True)
_READING = ReadOptions(frames="first")
_MAKE_IT = "Make one with `denoise embed ./imgs --out {}`."
_NOISE_SIDE = 160  # of the middle that the noise is estimated in; more costs more time than the network
_NOISE_IN_DETAIL = 1.25  # 1 + 4/16: the variance of white noise of level 1 in the detail
_SHARPNESS_PIXELS = 2_000_000  # of the middle that sharpness is measured in, at most
_READERS = min(4, os.cpu_count() or 1)


def embed(
    images: Sequence[str | Path | Pixels],
    *,
    model: str = "fast",
    known: DataFrame | None = None,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
    elsewhere: Elsewhere | None = None,
) -> DataFrame:
    """A table with a row for each image that can be read, in their order.

    Parameters
    ----------
    images
        Paths of image files, or arrays (H, W), (H, W, 1) or (H, W, 3).
    model
        "fast", "best", "codec", or a .safetensors file; see `load_encoder`.
    known
        A table from an earlier call. Rows of unchanged files are reused if they were made by the same model.
    listener
        Receives Started, FileStarted, FileDone and FileFailed; a file that cannot be read is left out.
    cancel
        Stops between two images; the table then has the rows so far.
    elsewhere
        Yields paths with their rows or errors, for example from other machines: see denoiser.cluster.
    """
    pandas = import_pandas()
    encoder, cancel = load_encoder(model), cancel or CancelToken()
    reusable = _reusable(known, encoder)
    sources = [location(one) if isinstance(one, str | PurePath) else one for one in images]
    rows: dict[int, dict[str, Any]] = {}
    todo: list[tuple[int, Path | Pixels]] = []
    for number, source in enumerate(sources):
        row = _unchanged(source, reusable) if isinstance(source, PurePath) else None
        if row is None:
            todo.append((number, source))
        else:
            rows[number] = row
    listener(Started(len(todo), 0.0))
    made = _rows_here(todo, encoder, cancel) if elsewhere is None else _rows_of(todo, elsewhere)
    began = time.perf_counter()
    for number, name, result in made:
        if isinstance(result, DenoiserError):
            listener(FileFailed(name, result))
            continue
        rows[number] = result
        megapixels = result["width"] * result["height"] / 1e6
        listener(FileStarted(name, megapixels))
        listener(FileDone(name, name, megapixels, time.perf_counter() - began))
        began = time.perf_counter()
    table = pandas.DataFrame([rows[number] for number in sorted(rows)], columns=COLUMNS)
    table["date"] = table["date"].astype("datetime64[ms]")
    table.attrs = {"model": encoder.name, "digest": encoder.digest, "codes": encoder.codes}
    return table


def small_pixels(image: Image, side: int = SIDE) -> NDArray[np.uint8]:
    """8-bit RGB pixels in sRGB, at most *side* wide and high, of an image of any kind; transparency is ignored."""
    small = imageio.shrunk(dataclasses.replace(image, alpha=None), side).pixels
    return np.repeat(small, 3, axis=2) if small.shape[2] == 1 else small


def pixels_of(thumbnail: bytes) -> NDArray[np.uint8]:
    """The RGB pixels of a thumbnail in the table."""
    return small_pixels(imageio.read_bytes(thumbnail, "thumbnail.webp"), THUMBNAIL)


def read_table(path: Path) -> DataFrame:
    """The table in a Parquet file; raise UsageError if it has another content."""
    pandas = import_pandas()
    if not path.is_file():
        raise UsageError(f"{path}: no such file.", hint=_MAKE_IT.format(path))
    try:
        table = pandas.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: is not a Parquet file.", hint=_MAKE_IT.format(path)) from error
    if missing := [name for name in COLUMNS if name not in table]:
        raise UsageError(
            f"{path}: is not a table of denoise: it has no column {missing[0]!r}.", hint=_MAKE_IT.format(path)
        )
    return table


def write_table(table: DataFrame, path: Path) -> None:
    """Write a table as Parquet or CSV, by the suffix. A CSV has the features as JSON and no thumbnails."""
    with whole_file(path) as file:
        if path.suffix.lower() == ".csv":
            plain = table.drop(columns=["thumbnail", "grey"])
            plain["features"] = [json.dumps([round(float(x), 6) for x in row]) for row in table["features"]]
            plain.to_csv(file, index=False)
        else:
            table.to_parquet(file, index=False)


def import_pandas() -> Any:
    """The module pandas with pyarrow; raise MissingExtra if one is not installed."""
    try:
        import pandas
        import pyarrow  # noqa: F401
    except ModuleNotFoundError as error:
        raise missing(error) from error
    return pandas


def missing(error: ModuleNotFoundError) -> MissingExtra:
    """The error for a package of the extra `workbench` that is not installed."""
    return MissingExtra(f"Exploring images needs {error.name}, which is not installed.", extra="workbench")


def _reusable(known: DataFrame | None, encoder: Encoder) -> dict[str, dict[str, Any]]:
    """Rows of an earlier table by path; none if another model made it."""
    if known is None or known.attrs.get("digest") != encoder.digest:
        return {}
    return {row["path"]: row for row in known[COLUMNS].to_dict("records") if row["modified"]}


def _unchanged(source: Path, reusable: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    row = reusable.get(str(source))
    if row is None:
        return None
    if isinstance(source, Url):
        info = storage.stat(source)
        return row if info and (row["bytes"], row["modified"]) == (info.size, info.mtime_ns) else None
    try:
        status = source.stat()
    except OSError:
        return None
    return row if (row["bytes"], row["modified"]) == (status.st_size, status.st_mtime_ns) else None


Row = dict[str, Any]
Elsewhere = Callable[[Sequence[Path]], Iterable[tuple[Path, Row | DenoiserError]]]
_Made = Iterator[tuple[int, Path, Row | DenoiserError]]


class RowMaker:
    """Makes rows of the table, one after another."""

    def __init__(self, model: str) -> None:
        self._encoder = load_encoder(model)

    def row(self, path: Path) -> Row:
        """The row of an image file; raise UnreadableImage or StoreUnavailable."""
        small, row = _prepared(path, path)
        return row | {"features": self._encoder.features(small)}


def _rows_here(todo: Sequence[tuple[int, Path | Pixels]], encoder: Encoder, cancel: CancelToken) -> _Made:
    """Yield each image with its row or error, in order, until *cancel*."""
    with ThreadPoolExecutor(_READERS, thread_name_prefix="denoise-embed") as readers:
        for number, name, coming in _read_ahead(todo, readers):
            if cancel.cancelled:
                readers.shutdown(wait=False, cancel_futures=True)
                return
            try:
                small, row = coming.result()
            except (UnreadableImage, StoreUnavailable) as error:
                yield number, name, error
            else:
                yield number, name, row | {"features": encoder.features(small)}


def _rows_of(todo: Sequence[tuple[int, Path | Pixels]], elsewhere: Elsewhere) -> _Made:
    numbers = {path: number for number, path in todo if isinstance(path, PurePath)}
    for path, row in elsewhere([*numbers]):
        names = {"path": str(path), "folder": str(path.parent)}  # as given, not as the other machine has them
        yield numbers[path], path, row if isinstance(row, DenoiserError) else row | names


Prepared = tuple[NDArray[np.uint8], dict[str, Any]]


def _read_ahead(
    todo: Sequence[tuple[int, Path | Pixels]], readers: ThreadPoolExecutor
) -> Iterator[tuple[int, Path, Future[Prepared]]]:
    """Yield each image in order while threads read the next ones."""
    ahead: deque[tuple[int, Path, Future[Prepared]]] = deque()
    for number, source in todo:
        name = source if isinstance(source, PurePath) else Path(f"image {number}")
        ahead.append((number, name, readers.submit(_prepared, source, name)))
        if len(ahead) > _READERS:
            yield ahead.popleft()
    yield from ahead


def _prepared(source: Path | Pixels, name: Path) -> Prepared:
    """The reduced pixels of an image, and its row without features."""
    if isinstance(source, PurePath):
        with storage.as_file(source) as file:
            status, image = file.stat(), imageio.read(file, _READING)
        size, modified = status.st_size, status.st_mtime_ns
        date = datetime.datetime.fromtimestamp(status.st_mtime, datetime.UTC).astimezone().replace(tzinfo=None)
    else:
        image, size, modified, date = from_numpy(np.asarray(source)), 0, 0, None
    taken = _taken(image)
    noise = estimate_noise(_middle(image, _NOISE_SIDE, _NOISE_SIDE)).luma
    small = small_pixels(image)
    thumbnail = imageio.encode(imageio.shrunk(from_numpy(small), THUMBNAIL), "webp", _WEBP)
    return small, {
        "path": str(name),
        "folder": str(name.parent),
        "width": image.width,
        "height": image.height,
        "date": taken or date,
        "taken": taken.isoformat() if taken else "",
        "noise": noise,
        "sharpness": sharpness(image, noise),
        "thumbnail": thumbnail,
        "grey": _grey(small),
        "bytes": size,
        "modified": modified,
    }


def _taken(image: Image) -> datetime.datetime | None:
    """When the photo was taken by its EXIF, in local time; EXIF writes 2024:05:31 18:04:09."""
    day, _, clock = exif.summary(image.metadata.exif).get("taken", "").partition(" ")
    try:
        return datetime.datetime.fromisoformat(f"{day.replace(':', '-')} {clock}").replace(tzinfo=None)
    except ValueError:
        return None


def _middle(image: Image, height: int, width: int) -> Image:
    """The middle of an image, on the grid of JPEG blocks."""
    top, left = max(0, image.height - height) // 16 * 8, max(0, image.width - width) // 16 * 8
    pixels = image.pixels[top : top + height, left : left + width]
    return dataclasses.replace(image, pixels=pixels, alpha=None)


def _grey(small: NDArray[np.uint8]) -> bytes:
    values = torch.from_numpy(small.mean(axis=2, dtype=np.float32))[None, None]
    return functional.interpolate(values, (GREY, GREY), mode="area")[0, 0].round().byte().numpy().tobytes()


def sharpness(image: Image, noise: float = 0.0) -> float:
    """The finest detail in the middle of an image relative to the contrast there, from 0; independent of exposure.

    Enlarged, blurred and strongly compressed images have less than their originals. *noise* is its level on the
    0–255 scale, which is subtracted.
    """
    share = min(0.5, (_SHARPNESS_PIXELS / (image.height * image.width)) ** 0.5)
    middle = _middle(image, max(3, round(image.height * share)), max(3, round(image.width * share)))
    grey = middle.pixels[:, :, middle.channels // 2].astype(np.float32)
    if min(grey.shape) < 3:
        return 0.0
    detail = grey[1:-1, 1:-1] - (grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]) / 4
    squared = max(0.0, float(detail.var()) - _NOISE_IN_DETAIL * (noise / 255 * image.white) ** 2)
    contrast = float(grey.std())
    return squared**0.5 / contrast if contrast > 0 else 0.0
