"""Trains the noise estimator: minutes on a CPU, on the same photos as the denoisers.

Lessons are made first and kept as features, since to make one takes a hundred times longer than to learn from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from denoiser.atomicfile import whole_file
from denoiser.errors import UnusableData
from denoiser.models.card import Card, card_as_toml
from denoiser.networks.estimator import (
    ARCHITECTURE,
    FEATURES,
    WINDOW,
    Energies,
    NoiseReader,
    Reading,
    along_axes,
    blockiness,
    compression,
    energies_of,
    level_of,
    summary,
)
from denoiser.training.data import PhotoPool
from denoiser.training.estimator_scenes import Scene, scenes

BLOCK = 64  # pixels: what is looked at in one piece
_SIDE = 4  # blocks
_ALIGNED_SHARE = (
    0.6  # of the crops: blocks begin where those of JPEG do; the others as in a picture that was cropped
)
PATCH = _SIDE * BLOCK + WINDOW  # with room to begin anywhere, as JPEG's own blocks do
AT_ONCE = 4  # crops: lessons are made of so many or none
# Correlated noise that is visible is drawn more often than it is made: it is the hardest to tell from texture.
_OFTENER = 0.4  # of all lessons, added
_STRONG_ABOVE = 2.5  # sigma of luma
_UNDERESTIMATE = 1.5  # weight of an estimate that is too low, relative to one that is too high
_KIND_WEIGHT = 0.2
_SHOWS = (0.4, 1.0)  # sigma from which noise begins to be visible, and from which it is
_CLEAN_WEIGHT = 0.05  # of the levels of clean pictures, whose `noisy` output is what counts
_RATE = 2e-3
STEPS = 8000
_BATCH = 256
_TELL_EVERY = 100  # steps: half a second
_DARKEST, _BRIGHTEST = 0.08, 0.65  # a part is chosen by brightness between limits drawn around these


@dataclass(frozen=True, slots=True)
class Lessons:
    """Features of windows and the truth about the noise in them, a row for each choice of windows."""

    features: Tensor
    luma: Tensor  # sigma in 8-bit units
    chroma: Tensor
    correlated: Tensor  # 0 or 1


def make_lessons(
    pool: PhotoPool, count: int, generator: torch.Generator, on_progress: Callable[[int, int], None] | None = None
) -> Lessons:
    """*count* noisy crops of *pool*, three choices of windows each; *on_progress* receives how many are done."""
    large = _large_enough(pool)
    rows: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    made = 0
    while made < count:
        clean = large.draw(AT_ONCE, PATCH, generator)
        for scene in scenes(clean, generator):
            rows += _rows(scene, generator)
        made += len(clean)
        if on_progress:
            on_progress(made, count)
    if not rows:  # flat, black or white wherever one looks
        return Lessons(torch.empty(0, FEATURES), *torch.empty(3, 0))
    return Lessons(*(torch.stack(column) for column in zip(*rows, strict=True)))


def train_estimator(
    lessons: Lessons, *, seed: int, steps: int = STEPS, on_step: Callable[[int, float], None] | None = None
) -> NoiseReader:
    """A reader that learned *lessons*; *on_step* receives every hundredth step and the mean loss since the last."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    reader = NoiseReader()
    reader.get_buffer("mean").copy_(lessons.features.mean(dim=0))
    reader.get_buffer("spread").copy_(lessons.features.std(dim=0).clamp_min(1e-3))
    optimiser = torch.optim.AdamW(reader.parameters(), lr=_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    losses = []
    known = _oftener(lessons, generator)
    for step in range(steps):
        rows = known[torch.randint(len(known), (_BATCH,), generator=generator)]
        loss = loss_of(reader(lessons.features[rows]), lessons, rows)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if on_step and (step + 1) % _TELL_EVERY == 0:
            on_step(step + 1, sum(losses[-_TELL_EVERY:]) / _TELL_EVERY)
    return reader.eval().requires_grad_(False)


def _oftener(lessons: Lessons, generator: torch.Generator) -> Tensor:
    """The numbers of all lessons, those of visible correlated noise more often."""
    numbers = torch.arange(len(lessons.luma))
    strong = ((lessons.luma > _STRONG_ABOVE) & (lessons.correlated > 0)).nonzero().squeeze(1)
    if not len(strong):
        return numbers
    extra = torch.randint(len(strong), (round(_OFTENER * len(numbers)),), generator=generator)
    return torch.cat([numbers, strong[extra]])


def loss_of(reading: Reading, lessons: Lessons, rows: Tensor) -> Tensor:
    """How far *reading* is from the truth about *rows* of *lessons*, weighed by the certainty that it claims."""
    noisy = noisy_of(lessons.luma[rows], lessons.chroma[rows])
    luma = _doubted(level_of(lessons.luma[rows]) - reading.luma, reading.luma_doubt)
    chroma = _doubted(level_of(lessons.chroma[rows]) - reading.chroma, reading.chroma_doubt)
    levels = ((luma + chroma) * (_CLEAN_WEIGHT + noisy)).mean()
    kind = functional.binary_cross_entropy_with_logits(reading.kind, lessons.correlated[rows], reduction="none")
    found = functional.binary_cross_entropy_with_logits(reading.noisy, noisy)
    return levels + _KIND_WEIGHT * (kind * noisy).mean() + found


def noisy_of(luma: Tensor, chroma: Tensor) -> Tensor:
    """From 0 where no noise can be seen to 1 where some can, by its sigmas."""
    return ((torch.maximum(luma, chroma) - _SHOWS[0]) / (_SHOWS[1] - _SHOWS[0])).clamp(0, 1)


def _doubted(missing: Tensor, doubt: Tensor) -> Tensor:
    # The likelihood of a Laplace distribution: a claimed certainty that does not hold is paid for.
    cost = torch.where(missing > 0, _UNDERESTIMATE * missing, -missing)
    return cost * torch.exp(-doubt) + doubt


def export_estimator(
    reader: NoiseReader, path: Path, training: Mapping[str, Any], metrics: Mapping[str, float] | None = None
) -> Path:
    """Writes weights and card; without *metrics* they are for those who measure to fill in."""
    tensors = {name: value.detach().contiguous() for name, value in reader.state_dict().items()}
    encoded = save(tensors, metadata={"architecture": ARCHITECTURE})
    card = Card(
        name=path.stem,
        summary="Reads how noisy a picture is, and whether as cameras leave it.",
        task="estimator",
        architecture=ARCHITECTURE,
        settings={},
        halo=0,
        sha256=hashlib.sha256(encoded).hexdigest(),
        parameters=sum(value.numel() for value in tensors.values()),
        licence="Apache-2.0",
        training={**training, "torch": torch.__version__},
        metrics=metrics or {},
        limits=("Trained on developed photos; noise above sigma 75 is beyond what it has seen.",),
    )
    with whole_file(path) as file:
        file.write(encoded)
    with whole_file(path.with_suffix(".toml")) as file:
        file.write(card_as_toml(card).encode())
    return path


def _large_enough(pool: PhotoPool) -> PhotoPool:
    fit = [i for i, picture in enumerate(pool.pictures) if min(picture.shape[1:]) >= PATCH]
    if not fit:
        raise UnusableData(
            f"No photo has {PATCH} pixels on each side.", hint="Point --data at a folder of larger photos."
        )
    shares = pool.shares[fit]
    return PhotoPool(tuple(pool.pictures[i] for i in fit), shares / shares.sum(), (), ())


def _rows(scene: Scene, generator: torch.Generator) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Lessons from the whole of one noisy picture, from some of its blocks, and from a range of brightness."""
    aligned = bool(torch.rand((), generator=generator) < _ALIGNED_SHARE)
    top, left = (0, 0) if aligned else torch.randint(0, WINDOW + 1, (2,), generator=generator).tolist()
    planes = along_axes(torch.stack([scene.error, scene.added, scene.survived])) * 255
    both = torch.cat([scene.noisy, planes.flatten(0, 1)])
    blocks = _cut(both[:, top : top + _SIDE * BLOCK, left : left + _SIDE * BLOCK])
    noisy, seen = blocks[:, :3], torch.ones(len(blocks), BLOCK, BLOCK, dtype=torch.bool)
    energies = energies_of(noisy, seen)
    packed = compression(scene.quantisation, blockiness(noisy, seen))
    power = functional.avg_pool2d(blocks[:, 3:].square(), WINDOW).flatten(2)
    rows = []
    for chosen in _choices(energies, generator):
        if int(chosen[0].sum()) >= BLOCK // WINDOW:
            luma, chroma = _truth(power.transpose(1, 2)[chosen[0]].mean(dim=0).reshape(3, 3))
            rows.append((summary(energies, chosen, packed), luma, chroma, scene.correlated))
    return rows


def _truth(power: Tensor) -> Tensor:
    """The sigmas (2,) of luma and chroma that count, from the mean squares (3, 3) of error, added and survived.

    JPEG's own error is not noise. Where noise survived, the level is that of the whole error, as in the training of
    the denoisers.
    """
    power = torch.stack([power[:, 0], power[:, 1:].mean(dim=1)], dim=1)  # luma and chroma
    error, added, survived = power.sqrt()
    noise = torch.minimum(added, survived)  # JPEG's rounding may enlarge weak noise
    return torch.where(noise > _SHOWS[1], error, noise)


def _choices(energies: tuple[Energies, ...], generator: torch.Generator) -> list[tuple[Tensor, ...]]:
    count = len(energies[0].telling)
    some = torch.rand(count, generator=generator) < 0.5 * torch.rand((), generator=generator)
    some[torch.randint(count, (), generator=generator)] = True
    low = float(torch.rand((), generator=generator)) * _BRIGHTEST
    high = low + _DARKEST + float(torch.rand((), generator=generator)) * 0.2
    return [
        tuple(scale.telling for scale in energies),
        tuple(scale.telling & some.unsqueeze(1) for scale in energies),
        tuple(scale.telling & (scale.brightness >= low) & (scale.brightness < high) for scale in energies),
    ]


def _cut(picture: Tensor) -> Tensor:
    planes = len(picture)
    cut = picture.reshape(planes, _SIDE, BLOCK, _SIDE, BLOCK).permute(1, 3, 0, 2, 4)
    return cut.reshape(_SIDE * _SIDE, planes, BLOCK, BLOCK)
