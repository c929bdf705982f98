"""The training of the network that reads noise: minutes on a CPU, on the same photos as the denoisers.

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

from denoiser import noise
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
    energies_of,
    level_of,
    summary,
)
from denoiser.training.data import PhotoPool
from denoiser.training.graininess import add_grain
from denoiser.training.packing import pack_some

BLOCK = 64  # pixels: what is looked at in one piece
_SIDE = 4  # blocks
PATCH = _SIDE * BLOCK + WINDOW  # with room to begin anywhere, as JPEG's own blocks do
AT_ONCE = 4  # crops: lessons are made of so many or none
_SHARES = (0.26, 0.22, 0.27, 0.25)  # white, camera, grain, nearly clean
_GREY_SHARE = 0.12
# Learned more often than they are made: photos that are clean however busy, and strong noise of cameras. With both,
# reading too little may cost more than reading too much without texture being taken for noise (docs/estimation.md).
_OFTENER = 0.3  # of all lessons, added from each of the two
_CLEAN_BELOW, _STRONG_ABOVE = 2.0, 8.0  # sigma of luma
_UNDERESTIMATE = 1.4  # how dear it is to read too little
_KIND_WEIGHT = 0.2
_SHOWS = 0.7  # sigma from which the kind of a noise can be seen
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
    pool: PhotoPool, count: int, generator: torch.Generator, told: Callable[[int, int], None] | None = None
) -> Lessons:
    """*count* noisy crops of *pool*, three choices of windows from each; *told* hears how many are made."""
    large = _large_enough(pool)
    rows: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    made = 0
    while made < count:
        clean = large.draw(AT_ONCE, PATCH, generator)
        noisy, added, correlated = _with_noise(clean, generator)
        for picture, residual, kind in zip(noisy, added, correlated, strict=True):
            rows += _rows(picture, residual, kind, generator)
        made += len(clean)
        if told:
            told(made, count)
    if not rows:  # flat, black or white wherever one looks
        return Lessons(torch.empty(0, FEATURES), *torch.empty(3, 0))
    return Lessons(*(torch.stack(column) for column in zip(*rows, strict=True)))


def train_estimator(
    lessons: Lessons, *, seed: int, steps: int = STEPS, told: Callable[[int, float], None] | None = None
) -> NoiseReader:
    """A reader that learned *lessons*; *told* hears of every hundredth step and the mean loss since the last."""
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
        if told and (step + 1) % _TELL_EVERY == 0:
            told(step + 1, sum(losses[-_TELL_EVERY:]) / _TELL_EVERY)
    return reader.eval().requires_grad_(False)


def _oftener(lessons: Lessons, generator: torch.Generator) -> Tensor:
    """The numbers of all lessons, and those that are to be learned more often once more."""
    correlated = lessons.correlated > 0
    numbers = [torch.arange(len(lessons.luma))]
    for wanted in ((lessons.luma < _CLEAN_BELOW) & ~correlated, (lessons.luma > _STRONG_ABOVE) & correlated):
        rows = wanted.nonzero().squeeze(1)
        if len(rows):
            extra = torch.randint(len(rows), (round(_OFTENER * len(lessons.luma)),), generator=generator)
            numbers.append(rows[extra])
    return torch.cat(numbers)


def loss_of(reading: Reading, lessons: Lessons, rows: Tensor) -> Tensor:
    """How far *reading* is from the truth about *rows* of *lessons*, weighed by the certainty that it claims."""
    luma = _doubted(level_of(lessons.luma[rows]) - reading.luma, reading.luma_doubt)
    chroma = _doubted(level_of(lessons.chroma[rows]) - reading.chroma, reading.chroma_doubt)
    kind = functional.binary_cross_entropy_with_logits(reading.kind, lessons.correlated[rows], reduction="none")
    return luma + chroma + _KIND_WEIGHT * (kind * (lessons.luma[rows] > _SHOWS)).mean()


def _doubted(missing: Tensor, doubt: Tensor) -> Tensor:
    # The likelihood of a Laplace distribution: a claimed certainty that does not hold is paid for.
    cost = torch.where(missing > 0, _UNDERESTIMATE * missing, -missing)
    return (cost * torch.exp(-doubt) + doubt).mean()


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


def _rows(
    picture: Tensor, added: Tensor, correlated: Tensor, generator: torch.Generator
) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Lessons from the whole of one noisy picture, from some of its blocks, and from a range of brightness."""
    top, left = torch.randint(0, WINDOW + 1, (2,), generator=generator).tolist()
    both = torch.cat([picture, along_axes(added.unsqueeze(0))[0] * 255])
    blocks = _cut(both[:, top : top + _SIDE * BLOCK, left : left + _SIDE * BLOCK])
    energies = energies_of(blocks[:, :3], torch.ones(len(blocks), BLOCK, BLOCK, dtype=torch.bool))
    variance = functional.avg_pool2d(blocks[:, 3:].square(), WINDOW).flatten(2)
    variance = torch.stack([variance[:, 0], variance[:, 1:].mean(dim=1)])  # luma and chroma, of each window
    rows = []
    for chosen in _choices(energies, generator):
        if int(chosen[0].sum()) >= BLOCK // WINDOW:
            luma, chroma = variance[:, chosen[0]].mean(dim=1).sqrt()
            rows.append((summary(energies, chosen), luma, chroma, correlated))
    return rows


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


def _with_noise(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Noise of a random kind on each of *clean* (B, 3, H, W) in 0..1: noisy, what was added, whether correlated."""
    edges = torch.tensor(_SHARES).cumsum(0)[:-1]
    kind_of = torch.bucketize(torch.rand(len(clean), generator=generator), edges)
    noisy, added = clean.clone(), clean.clone()
    for number, apply in enumerate((_white, _camera, _grain, _nearly_clean)):
        rows = (kind_of == number).nonzero().squeeze(1)
        if len(rows):
            noisy[rows], added[rows] = apply(clean[rows], generator)
    grey = _chance(_GREY_SHARE, clean, generator)
    noisy, added = (torch.where(grey, each.mean(dim=1, keepdim=True), each) for each in (noisy, added))
    return noisy, added, ((kind_of == 1) | (kind_of == 2)).float()


def _white(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    # Evenly over the logarithm, so that small levels are learned as well as large ones.
    sigma = 0.5 * (75 / 0.5) ** torch.rand(len(clean), generator=generator)
    noisy = noise.add_white(clean, sigma, generator)
    grey = _chance(0.1, clean, generator)
    noisy = torch.where(grey, noise.add_white(clean, sigma, generator, grey=True), noisy)
    # Told as papers and people name it: by what was added, not by what clipping left of that.
    added = noisy - clean
    noisy = torch.where(_chance(0.6, clean, generator), noise.as_8_bit(noisy), noisy)
    packed = _chance(0.15, clean, generator)
    noisy = _packed(noisy, packed, generator)
    return noisy, torch.where(packed, noisy - clean, added)


def _camera(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    noisy, target = noise.photograph(clean, generator)
    noisy = _packed(noise.as_8_bit(noisy), _chance(0.6, clean, generator), generator)
    return noisy, noisy - target


def _grain(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    noisy = noise.as_8_bit(add_grain(clean, generator))
    noisy = _packed(noisy, _chance(0.7, clean, generator), generator)
    return noisy, noisy - clean


def _nearly_clean(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    sigma = (torch.rand(len(clean), generator=generator) * 4 - 2).clamp_min(0)
    noisy = noise.as_8_bit(noise.add_white(clean, sigma, generator))
    noisy = _packed(noisy, _chance(0.5, clean, generator), generator)
    return noisy, noisy - clean


def _packed(noisy: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    return pack_some(noisy, chosen.flatten(), generator)


def _chance(share: float, like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(len(like), 1, 1, 1, generator=generator) < share
