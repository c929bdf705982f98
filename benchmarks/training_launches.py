"""How many kernels a training step launches for each GPU recipe, by part, and a tile of its network.

Without a GPU the operations that launch a kernel are counted: no views, one for up to about a hundred tensors of
a fused update, one for each convolution. Samples are drawn in full on a device without numbers (PyTorch's "meta"),
and network and update run on small crops. With --device cuda, launches and copies of full steps are counted by
torch.profiler. Counts do not depend on other work of the machine.

    python benchmarks/training_launches.py --recipes fast-gpu best codec-gpu
"""

from __future__ import annotations

import argparse
import collections
import copy
import math
import sys
from collections.abc import Callable
from typing import Any

import contract
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from denoiser.networks.condition import PLANES
from denoiser.training import optimiser, recipe
from denoiser.training.codec import CODING, RATE_DISTORTION, CleanCrops
from denoiser.training.data import DevicePool, PhotoPool
from denoiser.training.degrade import Batch
from denoiser.training.run import DENOISING, Run
from denoiser.training.samples import DrawnNoise, Mixed, SampleSource

_AT_LEAST_PIXELS = 40e6  # drawn ahead on a GPU with 80 GB
_TENSORS = {1: 110, 2: 64, 3: 48, 4: 36, 5: 30}  # in one launch of a fused update, by lists of tensors
_NO_KERNELS = {
    "_local_scalar_dense",
    "detach",
    "lift_fresh",
    "_unsafe_view",
    "_reshape_alias",
    "resize_",
    "set_",
    "is_same_size",
}
_CROP = 64  # pixels of the crops on a CPU, and how many of them
_CROPS = 2


def main() -> int:
    words = _words()
    report = contract.Report(__doc__, words)
    torch.set_num_threads(1)
    for name in words.recipes:
        for part, launches in _launches(recipe.load(name), words).items():
            report.add_facts(name, part, launches=round(launches))
    return report.finish()


def _words() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=3)
    parser.add_argument(
        "--recipes", nargs="+", default=["fast-gpu", "best", "codec-gpu"], help="names or TOML files"
    )
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu or cuda (cpu)")
    return parser.parse_args()


def _launches(plan: recipe.Recipe, words: argparse.Namespace) -> dict[str, float]:
    """Launches of one step, by part: the mean of some steps after one that is not counted."""
    on_gpu = words.device == "cuda"
    count = _launches_of if on_gpu else _operations_of
    stage = plan.stages[0]
    ahead = max(1, int(_AT_LEAST_PIXELS / (stage.batch * stage.patch**2)))
    generator = torch.Generator(words.device) if on_gpu else _MetaGenerator()
    source = _source(plan, generator.manual_seed(words.seed).device)
    run = _run(plan, torch.device(words.device), words.seed)
    side, crops = (stage.patch, stage.batch) if on_gpu else (_CROP, _CROPS)
    planes = torch.zeros(crops, PLANES, 1, 1, device=run.device)
    pixels = torch.rand(crops, 3, side, side, device=run.device)
    parts: collections.Counter[str] = collections.Counter()
    for step in range(words.repeat + 1):
        counts = dict.fromkeys(("samples", "forward and loss", "backward", "optimisers and average"), 0.0)
        _, drawn = count(lambda: source.draw(ahead * stage.batch, stage.patch, generator))
        counts["samples"] = drawn / ahead
        for one in run.optimisers:
            one.zero_grad(set_to_none=True)
        loss, counts["forward and loss"] = count(lambda: run.task.loss(run, Batch(pixels, pixels, planes), stage))
        _, counts["backward"] = count(loss.backward)
        _, counts["optimisers and average"] = count(run._update)
        run.progress.step += 1
        if step:  # the first one makes constants and states
            parts.update({part: launches / words.repeat for part, launches in counts.items()})
    parts["a step"] = sum(parts.values())
    if run.task is DENOISING:
        with torch.inference_mode(), run.in_precision():
            _, parts["a tile"] = count(lambda: run.network(pixels[:1], planes[:1]))
    return dict(parts)


def _source(plan: recipe.Recipe, device: torch.device) -> SampleSource:
    photos = tuple(torch.randint(256, (3, 500, 600), dtype=torch.uint8) for _ in range(2))
    crops = DevicePool(PhotoPool(photos, torch.full((2,), 0.5), (), ()), device)
    noise = DrawnNoise(crops, plan.noise)
    return Mixed(noise, CleanCrops(crops), plan.noisy_share) if _is_codec(plan) else noise


def _is_codec(plan: recipe.Recipe) -> bool:
    return plan.stages[0].loss == RATE_DISTORTION


def _run(plan: recipe.Recipe, device: torch.device, seed: int) -> Run:
    torch.manual_seed(seed)
    optimiser._MOST_PADDING["cpu"] = optimiser._MOST_PADDING["cuda"]  # as many stacks as on a GPU
    task = CODING if _is_codec(plan) else DENOISING
    source = _source(plan, torch.device("cpu"))
    network = task.build(plan, source, torch.Generator().manual_seed(seed)).to(device)
    network = network.to(memory_format=torch.channels_last)
    return Run(
        task=task,
        recipe=plan,
        network=network,
        average=copy.deepcopy(network),
        source=source,
        seconds=1e9,
        device=device,
        autocast=True,
        generator=torch.Generator(device).manual_seed(seed),
    )


class _MetaGenerator(torch.Generator):
    """A generator of the device "meta", whose tensors have no numbers."""

    @property
    def device(self) -> torch.device:
        return torch.device("meta")


class _Operations(TorchDispatchMode):
    """Counts operations that launch kernels on a GPU. Those of the host beside "meta" are not counted."""

    def __init__(self) -> None:
        super().__init__()
        self.by_device: collections.Counter[str] = collections.Counter()

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        name = operation._schema.name.removeprefix("aten::")
        tensors = [one for one in tree_leaves((args, result)) if isinstance(one, Tensor)]
        if tensors and not (operation.is_view or name in _NO_KERNELS or "empty" in name):
            lists = [one for one in args if isinstance(one, (list, tuple)) and one and isinstance(one[0], Tensor)]
            launches = 1
            if name.startswith(("_foreach", "_fused")):
                depth = min(4, len(lists)) + (not name.endswith("_"))  # the fifth list of Adam has the steps
                launches = math.ceil(len(lists[0]) / _TENSORS[depth])
            kinds = {one.device.type for one in tensors}
            self.by_device["meta" if "meta" in kinds else "cpu"] += launches
        return result


def _operations_of(call: Callable[[], Any]) -> tuple[Any, float]:
    with _Operations() as operations:
        result = call()
    return result, operations.by_device["meta"] or operations.by_device["cpu"]


def _launches_of(call: Callable[[], Any]) -> tuple[Any, float]:
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        result = call()
        torch.cuda.synchronize()
    launching = ("LaunchKernel", "cudaGraphLaunch", "cudaMemcpyAsync", "cudaMemsetAsync")
    return result, sum(one.count for one in profile.key_averages() if any(name in one.key for name in launching))


if __name__ == "__main__":
    sys.exit(main())
