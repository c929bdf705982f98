"""Segmentation without training: pixels are grouped by their encodings.

    image, at most 1024 pixels ─► maps of the encoder at 1/4 and 1/8 ─► mean around each pixel of the 1/4 grid
                 ─► k-means ─► distances to the clusters, enlarged to the image ─► the nearest cluster

The clusters are fitted to pixels of all images together, so a label has the same meaning in each of them.
"""

from __future__ import annotations

import colorsys
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from denoiser import imageio
from denoiser.batch.layout import Job
from denoiser.batch.report import Report
from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError, MissingExtra, UnusableData
from denoiser.events import CancelToken, FileFailed, FileStarted, Listener, ignore
from denoiser.image import Image, Pixels, from_numpy
from denoiser.options import SegmentOptions, WriteOptions
from denoiser.workbench.encoder import load_encoder
from denoiser.workbench.outputs import announce, make_outputs, plan_outputs

try:
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    raise MissingExtra("Segmentation needs scikit-learn, which is not installed.", extra="workbench") from error

_SAMPLED = 50_000  # pixels of all images that clusters are fitted to
_MOST_OF_ONE = 5_000
_MOST_IMAGES = 200
_GOLDEN = 0.618034  # of the circle of hues
_STARTS = 10  # of k-means, of which the best is taken

Labels = NDArray[np.uint8]
Encodings = NDArray[np.float32]


class Segmenter:
    """Clusters of pixel encodings; `fit` on images, then `predict` labels of these or others."""

    def __init__(self, options: SegmentOptions = SegmentOptions()) -> None:
        self._options = options
        self._encoder = load_encoder(options.model)

    def fit(self, images: Sequence[Callable[[], Image | None]], cancel: CancelToken | None = None) -> Segmenter:
        """Fit clusters to pixels of *images*, functions that read one each; None is left out.

        Label 0 is the largest cluster of the sample, and so on. Raises UnusableData if there are too few pixels.
        """
        random = np.random.default_rng(self._options.seed)
        share = max(1, min(_MOST_OF_ONE, _SAMPLED // max(1, len(images))))
        sample = []
        for read in images:
            if cancel is not None:
                cancel.raise_if_cancelled()
            image = read()
            if image is not None:
                rows = self._encodings(image)[0].flatten(1).T.numpy()
                sample.append(random.permutation(rows)[:share])
        if sum(map(len, sample)) < self._options.clusters:
            raise UnusableData(f"There are fewer pixels than clusters ({self._options.clusters}).")
        rows = np.concatenate(sample)
        self._scaler = StandardScaler().fit(rows)
        self._clusters = MiniBatchKMeans(
            self._options.clusters, random_state=self._options.seed, n_init=_STARTS, batch_size=4096
        ).fit(self._scaler.transform(rows))
        sizes = np.bincount(self._clusters.labels_, minlength=self._options.clusters)
        self._order = np.argsort(-sizes, kind="stable")
        return self

    def predict(self, image: Image) -> Labels:
        """The label (H, W) of each pixel, from 0."""
        encodings = self._encodings(image)
        grid = encodings.shape[2:]
        rows = self._scaler.transform(encodings[0].flatten(1).T.numpy())
        distances = self._clusters.transform(rows).astype(np.float32)[:, self._order]
        planes = torch.from_numpy(distances.T.copy()).reshape(1, -1, *grid)
        nearest = torch.full((image.height, image.width), torch.inf)
        labels = torch.zeros((image.height, image.width), dtype=torch.uint8)
        for label in range(planes.shape[1]):  # one at a time, since each has the size of the image
            plane = functional.interpolate(planes[:, label : label + 1], nearest.shape, mode="bilinear")[0, 0]
            closer = plane < nearest
            labels[closer], nearest = label, torch.minimum(nearest, plane)
        return labels.numpy()

    def _encodings(self, image: Image) -> Tensor:
        """Encodings (1, C, h, w) of *image* on the grid of the finest map that is used."""
        samples = np.array(imageio.shrunk(image, self._options.size).pixels)
        pixels = torch.from_numpy(np.broadcast_to(samples, (*samples.shape[:2], 3)).copy())
        pixels = pixels.permute(2, 0, 1)[None].float() / 255
        maps = self._encoder.maps(pixels)[-2:]
        grid = maps[0].shape[2:]
        joined = torch.cat([functional.interpolate(one, grid, mode="bilinear") for one in maps], dim=1)
        return _averaged(joined, self._options.averaging * grid[1] / pixels.shape[3])


def segment(images: Sequence[Pixels], clusters: int = 4, *, seed: int = 0) -> list[Labels]:
    """Labels (H, W) from 0 for the pixels of *images* (H, W) or (H, W, C), grouped into *clusters*.

    uint8, uint16, or float32 with white at 1. Label 0 is the largest cluster.
    """
    opened = [from_numpy(np.asarray(image)) for image in images]
    segmenter = Segmenter(SegmentOptions(clusters=clusters, seed=seed))
    segmenter.fit([lambda image=image: image for image in opened])  # type: ignore[misc]
    return [segmenter.predict(image) for image in opened]


def segment_images(
    sources: Sequence[Path],
    out: Path,
    options: SegmentOptions = SegmentOptions(),
    settings: Settings = Settings(),
    *,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Report:
    """Write the labels of image files and folders into the same tree below *out*.

    NAME.png is grey, with the label of each pixel as its value; NAME-overlay.jpg shows them as colours over the
    image, at most as large as images are encoded. Clusters are fitted to at most 200 of the images, chosen at
    random. Of *settings*, those for reading and files apply.
    """
    settings = dataclasses.replace(settings, write=WriteOptions(format="png"))
    plan, cancel = plan_outputs(sources, out, settings, folder_only=True), cancel or CancelToken()
    announce(plan, listener, passes=2)
    segmenter = Segmenter(options)
    failed: dict[Path, FileFailed] = {}
    drawn = np.random.default_rng(options.seed).permutation(len(plan.jobs))[:_MOST_IMAGES]

    def reader(job: Job) -> Callable[[], Image | None]:
        def read_one() -> Image | None:
            listener(FileStarted(job.source, job.megapixels))
            try:
                return imageio.read(job.source, settings.read)
            except DenoiserError as error:
                failed[job.source] = FileFailed(job.source, error)
                listener(failed[job.source])
                return None

        return read_one

    def make(job: Job) -> tuple[str, ...]:
        image = imageio.read(job.source, settings.read)
        found = segmenter.predict(image)
        imageio.write(from_numpy(found), job.target)
        imageio.write(_overlay(image, found, options.size), job.target.with_name(f"{job.target.stem}-overlay.jpg"))
        return image.notes

    segmenter.fit([reader(plan.jobs[number]) for number in sorted(drawn)], cancel)
    left = tuple(job for job in plan.jobs if job.source not in failed)
    plan = dataclasses.replace(plan, jobs=left, failed=(*plan.failed, *failed.values()))
    return make_outputs(plan, make, listener=listener, cancel=cancel)


def _overlay(image: Image, labels: Labels, side: int) -> Image:
    """The labels as colours, mixed with the image in 8-bit sRGB, at most *side* pixels wide and high."""
    small = imageio.shrunk(image, side).pixels.astype(np.float32)
    rows = (np.arange(small.shape[0]) + 0.5) * labels.shape[0] / small.shape[0]
    columns = (np.arange(small.shape[1]) + 0.5) * labels.shape[1] / small.shape[1]
    colours = _palette(int(labels.max()) + 1)[labels[np.ix_(rows.astype(int), columns.astype(int))]]
    return from_numpy(np.rint((small + colours) / 2).astype(np.uint8))


def _palette(count: int) -> NDArray[np.float32]:
    """*count* colours (count, 3), 0 to 255, of different hues; neighbours in the list differ most."""
    hues = (np.arange(count) * _GOLDEN) % 1
    values = [colorsys.hsv_to_rgb(hue, 0.85, 1.0 if number % 2 == 0 else 0.7) for number, hue in enumerate(hues)]
    return np.array(values, np.float32) * 255


def _averaged(maps: Tensor, sigma: float) -> Tensor:
    """Gaussian means of each channel, with standard deviation *sigma*; edges are repeated."""
    radius = int(np.ceil(3 * sigma))
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).expand(maps.shape[1], 1, -1)
    padded = functional.pad(maps, (radius, radius, radius, radius), mode="replicate")
    across = functional.conv2d(padded, weights[:, :, None, :], groups=maps.shape[1])
    return functional.conv2d(across, weights[:, :, :, None], groups=maps.shape[1])
