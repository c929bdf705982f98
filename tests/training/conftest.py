import pytest
from skimage import data

from denoiser import imageio
from denoiser.image import from_numpy


@pytest.fixture
def photos(tmp_path):
    """Ten crops of a photo in a folder."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(10):
        crop = data.astronaut()[number * 10 : number * 10 + 300, :300]
        imageio.write(from_numpy(crop), folder / f"{number}.png")
    return folder


@pytest.fixture
def recipe(tmp_path, tiny_recipe):
    """The tiny recipe as a file."""
    path = tmp_path / "tiny.toml"
    path.write_text(tiny_recipe)
    return str(path)


@pytest.fixture
def tiny_run(tiny_recipe):
    """Makes runs of the tiny recipe on grey ramps: `tiny_run(seconds=…, teacher=…)`."""
    import copy

    import torch

    from denoiser.networks import registry
    from denoiser.networks.conditioning import Denoiser
    from denoiser.training.data import PhotoPool
    from denoiser.training.recipe import parse
    from denoiser.training.run import DENOISING, Run
    from denoiser.training.samples import DrawnNoise

    def make(**words):
        plan = parse(tiny_recipe, "tiny")
        torch.manual_seed(0)
        network = registry.build(Denoiser, plan.architecture, plan.settings)
        ramp = torch.arange(160, dtype=torch.uint8).expand(3, 160, 160).contiguous()
        pool = PhotoPool((ramp, 255 - ramp), torch.tensor([0.5, 0.5]), (), ())
        given = {
            "task": DENOISING,
            "recipe": plan,
            "network": network,
            "average": copy.deepcopy(network),
            "source": DrawnNoise(pool, plan.noise),
            "seconds": 1.0,
            "device": torch.device("cpu"),
            "autocast": False,
            "generator": torch.Generator().manual_seed(1),
        }
        return Run(**(given | words))

    return make


@pytest.fixture
def never_waiting():
    """Makes modes in which an operation fails that would make the host wait for the *device*."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    waiting = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "bincount", "_unique2"}

    class NeverWaiting(TorchDispatchMode):
        def __init__(self, device):
            super().__init__()
            self.device = torch.device(device)

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
            result = operation(*args, **kwargs)
            name = operation._schema.name.removeprefix("aten::")
            made = [one for one in tree_leaves(result) if isinstance(one, torch.Tensor)]
            if all(one.device != self.device for one in given + made):
                return result
            copied = name in ("_to_copy", "copy_") and len({one.device for one in given + made}) > 1
            blocks = copied and not (kwargs.get("non_blocking") or args[2:] == (True,))
            # Of these the first is how torch.tensor puts numbers of the host on a device.
            from_host = name == "lift_fresh" and self.device.type != "cpu"
            by_mask = name.startswith("index") and any(one.dtype == torch.bool for one in given[1:])
            assert not (name in waiting or blocks or from_host or by_mask), f"{name} makes the host wait"
            return result

    return NeverWaiting
