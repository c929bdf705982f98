"""How well the trust map finds texture that cleaning took away: textures hidden under noise in bundled photos.

Patches of 64 pixels on the flatter half of a photo get a grating, hairs, or text of a given contrast, a fraction of
the noise; the shipped network cleans. Positive are blocks of 16 pixels of which more than half of the texture is
gone, by projection on the truth. Negative are those six tenths of the blocks of the photos without plants whose
result is nearest to the truth. AUC is the chance that a positive block is trusted less than a negative one.
"""

from __future__ import annotations

import sys
from collections import defaultdict

import contract
import numpy as np
import torch
from numpy.typing import NDArray
from skimage import data, draw

from denoiser.engine.session import Session
from denoiser.engine.trust import trust
from denoiser.image import from_numpy
from denoiser.networks.condition import Condition
from denoiser.options import DenoiseOptions

PATCH, BLOCK = 64, 16
CONTRASTS = (0.3, 0.6)  # root mean square of the texture by sigma of the noise
Plane = NDArray[np.float64]


def main() -> int:
    words = contract.parser(__doc__).parse_args()
    report = contract.Report(__doc__, words)
    torch.set_num_threads(1)
    session = Session(DenoiseOptions(device="cpu", precision="fp32"))
    lost: dict[tuple[str, float], list[float]] = defaultdict(list)
    sound: list[float] = []
    for name in ("astronaut", "coffee", "cat", "chelsea"):
        photo = np.asarray(getattr(data, name)()[:288, 60:444], np.float64)
        for sigma in (15.0, 30.0):
            plain = np.zeros(photo.shape[:2])
            trusted, missing = cleaned(session, photo, plain, sigma, report.rng)
            error = np.sqrt(blocks(missing**2))
            sound += list(trusted[error < np.quantile(error, 0.6)])
            for kind in TEXTURES:
                for contrast in CONTRASTS:
                    texture = planted(photo, kind, contrast * sigma, report.rng)
                    trusted, missing = cleaned(session, photo, texture, sigma, report.rng)
                    power = blocks(texture**2)
                    gone = blocks(missing * texture) > 0.5 * power
                    lost[kind, contrast] += list(trusted[gone & (power > 0)])
    report.add_facts("noise alone", "trusted", median=float(np.median(sound)), blocks=len(sound))
    for (kind, contrast), found in lost.items():
        report.add_facts(
            kind, f"contrast {contrast}", AUC=area(found, sound), blocks=len(found), median=float(np.median(found))
        )
    return report.finish()


def cleaned(
    session: Session, photo: Plane, texture: Plane, sigma: float, rng: np.random.Generator
) -> tuple[Plane, Plane]:
    """The trust map, and what is missing of the true luma."""
    truth = photo + texture[:, :, np.newaxis]
    noisy = np.clip(np.rint(truth + rng.normal(size=truth.shape) * sigma), 0, 255).astype(np.uint8)
    values = session.clean_values(noisy.astype(np.float32) / 255, Condition(sigma, sigma, 0.0))
    clean = np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)
    return np.asarray(trust(from_numpy(noisy), clean).map, np.float64), truth.mean(axis=2) - clean.mean(axis=2)


def planted(photo: Plane, kind: str, strength: float, rng: np.random.Generator) -> Plane:
    """Patches of a texture with this root mean square on the flatter half of the photo, none beside another."""
    luma = photo.mean(axis=2)
    height, width = luma.shape
    places = [(y, x) for y in range(0, height - PATCH + 1, BLOCK) for x in range(0, width - PATCH + 1, BLOCK)]
    spread = {(y, x): float(luma[y : y + PATCH, x : x + PATCH].std()) for y, x in places}
    flat = [place for place in places if spread[place] < float(np.median(list(spread.values())))]
    texture = np.zeros((height, width))
    for index in rng.permutation(len(flat)):
        y, x = flat[index]
        around = texture[max(0, y - BLOCK) : y + PATCH + BLOCK, max(0, x - BLOCK) : x + PATCH + BLOCK]
        if not around.any():
            patch = TEXTURES[kind](rng)
            patch = patch - patch.mean()
            texture[y : y + PATCH, x : x + PATCH] = patch / patch.std() * strength
    return texture


def grating(rng: np.random.Generator) -> Plane:
    rows, columns = np.indices((PATCH, PATCH))
    angle, period = rng.uniform(0, np.pi), rng.uniform(2.5, 8)
    return np.asarray(np.sin(2 * np.pi / period * (np.cos(angle) * rows + np.sin(angle) * columns)))


def hairs(rng: np.random.Generator) -> Plane:
    """Lines of one direction, more or less."""
    patch = np.zeros((PATCH, PATCH))
    angle = rng.uniform(0, np.pi)
    for _ in range(90):
        bent = angle + rng.normal() * 0.15
        y, x = rng.uniform(0, PATCH, 2)
        dy, dx = 14 * np.sin(bent), 14 * np.cos(bent)
        ends = [int(np.clip(value, 0, PATCH - 1)) for value in (y - dy, x - dx, y + dy, x + dx)]
        rows, columns, share = draw.line_aa(*ends)
        patch[rows, columns] += share * rng.choice([-1, 1])
    return patch


def text(rng: np.random.Generator) -> Plane:
    """Lines of letter-like strokes, upright and lying, in cells of 6 by 10 pixels."""
    patch = np.zeros((PATCH, PATCH))
    for top in range(1, PATCH - 8, 10):
        for left in range(1, PATCH - 5, 6):
            if rng.random() < 0.85:
                patch[top : top + 7, left + int(rng.integers(0, 4))] = 1
                patch[top + int(rng.integers(0, 7)), left : left + 4] = 1
    return patch


TEXTURES = {"grating": grating, "hairs": hairs, "text": text}


def blocks(plane: Plane) -> Plane:
    """Means of blocks of 16 pixels."""
    height, width = plane.shape
    return np.asarray(plane.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).mean(axis=(1, 3)))


def area(lost: list[float], sound: list[float]) -> float:
    """The chance that one of *lost* is below one of *sound*; ties count half."""
    order = np.sort(sound)
    below = len(order) - np.searchsorted(order, lost, side="right")
    ties = np.searchsorted(order, lost, side="right") - np.searchsorted(order, lost, side="left")
    return float((below + ties / 2).mean() / len(order))


if __name__ == "__main__":
    sys.exit(main())
