import dataclasses

import pytest
import torch

from denoiser.errors import MissingModel, UntrustedWeights, UsageError
from denoiser.training import recipe
from denoiser.training.start import find_start, with_network


def test_the_shipped_weights_are_found_by_name():
    start = find_start("fast")
    assert start.name == "denoiser-fast"
    assert len(start.card.sha256) == 64
    assert start.card.halo > 0


def test_a_file_with_its_card_is_a_start(tiny_weights):
    start = find_start(str(tiny_weights))
    assert start.card.architecture == "dense-autoencoder-1"
    assert torch.isfinite(start.network.head.weight).all()


def test_what_is_no_start_is_named(tiny_weights, tmp_path):
    with pytest.raises(MissingModel, match="nobody"):
        find_start("nobody")
    with pytest.raises(MissingModel, match=r"gone\.safetensors"):
        find_start(str(tmp_path / "gone.safetensors"))
    tiny_weights.write_bytes(tiny_weights.read_bytes()[:-4])
    with pytest.raises(UntrustedWeights, match="modified or truncated"):
        find_start(str(tiny_weights))


def test_a_recipe_without_a_network_takes_that_of_the_start(tiny_weights):
    plan = with_network(recipe.load("fine-tune"), find_start(str(tiny_weights)))
    assert (plan.architecture, plan.settings["widths"], plan.halo) == ("dense-autoencoder-1", [8, 8, 8], 32)
    with pytest.raises(UsageError, match="describes no network"):
        with_network(recipe.load("fine-tune"), None)


def test_a_recipe_of_another_network_is_refused(tiny_recipe, tiny_weights):
    start, plan = find_start(str(tiny_weights)), recipe.parse(tiny_recipe, "tiny")
    assert with_network(plan, start).architecture == plan.architecture
    with pytest.raises(UsageError, match="another network"):
        with_network(dataclasses.replace(plan, settings={"widths": (8, 8, 16), "blocks": (1, 1, 1, 1, 1)}), start)
