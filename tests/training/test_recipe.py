import pytest

from denoiser.errors import UsageError
from denoiser.networks import registry
from denoiser.training import recipe
from denoiser.training.losses import LOSSES

TEXT = """
[network]
architecture = "dense-autoencoder-1"
widths = [8, 8, 8]
blocks = [1, 1, 1, 1, 1]
halo = 32

[noise]
white = 0.5
camera = 0.3
shaped = 0.1
clean = 0.1

[[stage]]
until = 0.5
patch = 32
batch = 4
loss = "charbonnier"

[[stage]]
until = 1.0
patch = 48
batch = 2
loss = "log-mse"
"""


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_that_is_shipped_can_be_cooked(name):
    plan = recipe.load(name)
    network = registry.build(plan.architecture, plan.settings)
    multiple = network.spec(plan.halo).size_multiple
    assert plan.stages[-1].until == 1
    for stage in plan.stages:
        assert stage.loss in LOSSES
        assert stage.patch % multiple == 0


def test_stages_follow_the_time():
    plan = recipe.parse(TEXT, "tiny")
    assert [plan.stage_at(fraction).patch for fraction in (0, 0.49, 0.5, 1.0)] == [32, 32, 48, 48]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("white = 0.5", "white = 0.6", "add up"),
        ("white = 0.5", "", "white"),
        ("halo = 32", "", "halo"),
        ("[network]", "[network", "tiny"),
        ("until = 0.5", "untl = 0.5", "untl"),
    ],
)
def test_a_broken_recipe_is_named_with_its_cause(old, new, word):
    with pytest.raises(UsageError, match=word):
        recipe.parse(TEXT.replace(old, new), "tiny")


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(UsageError, match="fast"):
        recipe.load("nowhere")
