"""Recipes beside each other after equally many steps: which network, which mixture, which rates learn the most.

Each recipe trains from its start on the same photos with the same seed, its schedule laid over the steps instead of
over minutes, and is judged on the same pictures: white noise at known levels and a camera's noise, blind, on halved
photos; real pairs, blind, where they are given.

    python benchmarks/equal_steps.py --data ./train --photos ./val --recipes one.toml two.toml --steps 700
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from dataclasses import replace
from pathlib import Path

import contract
import torch

from denoiser.engine.torch_network import fast_bf16
from denoiser.evaluation.samples import image_paths
from denoiser.networks import registry
from denoiser.networks.conditioning import Denoiser
from denoiser.training import recipe
from denoiser.training.data import PhotoPool, as_bytes, load_photos
from denoiser.training.pairs import load_pairs
from denoiser.training.run import DENOISING, Run
from denoiser.training.samples import DrawnNoise
from denoiser.training.start import Start, find_start, with_network
from denoiser.training.validation import DenoiserValidator, pair_crops, synthetic_crops

_CPU = torch.device("cpu")
_TELL_EVERY = 50  # steps


def main() -> int:
    words = _words()
    report = contract.Report(__doc__, words)
    validator = _validator(words)
    pool = load_photos(words.data, seed=words.seed, hold_out=0)
    start = find_start(words.start) if words.start else None
    for name in words.recipes:
        run = _run(with_network(replace(recipe.load(name), steps=words.steps), start), pool, start, words)
        seconds = _train(run, words.steps)
        scores = validator.validate(run.average, _CPU).scores
        facts = {column.replace(",", "").replace(" ", "_"): round(score, 2) for column, score in scores.items()}
        print(run.recipe.name, facts, file=sys.stderr, flush=True)  # a long script may be interrupted
        facts["MP"] = round(run.progress.megapixels)
        report.add_facts(
            f"after {words.steps} steps", run.recipe.name, **facts, seconds=round(seconds), kmac=_kmac(run)
        )
    return report.finish()


def _words() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument("--data", type=Path, required=True, help="clean photos to train on")
    parser.add_argument("--photos", type=Path, required=True, help="clean photos to judge by")
    parser.add_argument("--pairs", type=Path, help="real pairs to judge by")
    parser.add_argument("--recipes", nargs="+", required=True, help="names or TOML files")
    parser.add_argument("--start", help="weights to start from; without, from scratch")
    parser.add_argument("--steps", type=int, default=700, help="of each (700)")
    return parser.parse_args()


def _validator(words: argparse.Namespace) -> DenoiserValidator:
    crops = synthetic_crops([as_bytes(path) for path in image_paths(words.photos, hint="")])
    if words.pairs:
        pairs = load_pairs(words.pairs, seed=words.seed)
        crops += pair_crops([*pairs.images, *pairs.held_out])
    return DenoiserValidator(tuple(crops), counted=())


def _run(plan: recipe.Recipe, pool: PhotoPool, start: Start | None, words: argparse.Namespace) -> Run:
    torch.manual_seed(words.seed)
    network = registry.build(Denoiser, plan.architecture, plan.settings).to(memory_format=torch.channels_last)
    if start:
        network.load_state_dict(start.network.state_dict())
    return Run(
        task=DENOISING,
        recipe=plan,
        network=network,
        average=copy.deepcopy(network),
        source=DrawnNoise(pool, plan.noise),
        seconds=1.0,
        device=_CPU,
        autocast=fast_bf16(),
        generator=torch.Generator().manual_seed(words.seed),
    )


def _train(run: Run, steps: int) -> float:
    began = time.perf_counter()
    for step in range(steps):
        loss = run.step()
        if step % _TELL_EVERY == 0:
            took = time.perf_counter() - began
            print(
                f"{run.recipe.name} {step}/{steps} loss {float(loss):.4f} {took:.0f} s", file=sys.stderr, flush=True
            )
    return time.perf_counter() - began


def _kmac(run: Run) -> float:
    return round(run.network.spec(run.recipe.halo).kmac_per_pixel, 1)


if __name__ == "__main__":
    sys.exit(main())
