import pytest

from denoiser.errors import UsageError
from denoiser.networks import registry
from denoiser.networks.codec.latent_codec import LatentCodec
from denoiser.networks.conditioning import Denoiser
from denoiser.training import recipe
from denoiser.training.codec import RATE_DISTORTION
from denoiser.training.run import LOSSES
from denoiser.training.start import find_start, with_network

OTHERS = ("estimator", "anomaly-reconstruction", "anomaly-segmentation")  # networks with no size in pixels


@pytest.mark.parametrize("name", [name for name in recipe.names() if name not in OTHERS])
def test_every_bundled_recipe_fits_its_network(name):
    plan = recipe.load(name)
    if not plan.architecture:
        plan = with_network(plan, find_start("fast"))
    codes = plan.stages[0].loss == RATE_DISTORTION
    network = registry.build(LatentCodec if codes else Denoiser, plan.architecture, plan.settings)
    multiple = network.spec(plan.halo).size_multiple
    assert plan.stages[-1].until == 1
    for stage in plan.stages:
        assert stage.loss == RATE_DISTORTION if codes else stage.loss in LOSSES
        assert stage.patch % multiple == 0


def test_stages_follow_the_time(tiny_recipe):
    plan = recipe.parse(tiny_recipe, "tiny")
    assert [plan.stage_at(fraction).patch for fraction in (0, 0.49, 0.5, 1.0)] == [32, 32, 48, 48]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("white = 0.5", "white = 0.6", "add up"),
        ("white = 0.5", "", "white"),
        ("halo = 32", "", "halo"),
        ('architecture = "dense-autoencoder-1"', "", "architecture"),
        ("[network]", "[network", "tiny"),
        ("until = 0.5", "untl = 0.5", "untl"),
        ("[noise]", "[optimizer]\nema = 0.9\n[noise]", "optimizer is none of"),
        ("[noise]", "[more]\ncompiled = true\n[noise]", "compiled"),
    ],
)
def test_a_broken_recipe_is_named_with_its_cause(tiny_recipe, old, new, word):
    with pytest.raises(UsageError, match=word):
        recipe.parse(tiny_recipe.replace(old, new), "tiny")


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(UsageError, match="fast"):
        recipe.load("nowhere")


def test_rare_settings_are_in_the_table_more(tiny_recipe):
    plan = recipe.parse(tiny_recipe + "\n[more]\npair_share = 0.8\ncompile = true\n", "tiny")
    assert (plan.pair_share, plan.compile) == (0.8, True)
    assert plan.text.startswith("\n[network]")


def test_recipes_of_earlier_versions_set_the_share_of_blind_samples(tiny_recipe):
    old, new = (tiny_recipe.replace("[noise]\n", f"[noise]\n{name} = 0.4\n") for name in ("untold", "blind"))
    assert recipe.parse(old, "tiny").noise == recipe.parse(new, "tiny").noise
    assert recipe.parse(new, "tiny").noise.blind == 0.4
