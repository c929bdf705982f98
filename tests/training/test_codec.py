"""The training of a codec, on a network that is tiny and real."""

import copy
import csv

import pytest
import torch

from denoiser.errors import UsageError
from denoiser.networks.codec.levels import LEVELS
from denoiser.options import TrainOptions
from denoiser.training import recipe
from denoiser.training.codec import (
    CODING,
    ROUNDED_FROM,
    CleanCrops,
    quality_steps,
    rate_and_distortion,
    round_when_due,
    train_codec,
)
from denoiser.training.codec_validation import CodecValidator
from denoiser.training.data import PhotoPool
from denoiser.training.degrade import Batch
from denoiser.training.run import Run

RECIPE = """
[network]
architecture = "latent-codec-1"
width = 192
blocks = [1, 1]
latents = 96
hyper = 4
features = 8
halo = 64

[noise]
white = 1.0
camera = 0.0
shaped = 0.0
clean = 0.0

[optimiser]
warm_up_steps = 5
muon_rate = 0.008
adam_rate = 1.5e-3

[[stage]]
until = 1.0
patch = 64
batch = 4
loss = "rate-distortion"

[more]
noisy_share = 0.25
"""


@pytest.fixture
def recipe_file(tmp_path):
    path = tmp_path / "codec-tiny.toml"
    path.write_text(RECIPE)
    return str(path)


@pytest.fixture
def pool(photos):
    from denoiser.training.data import load_photos

    return load_photos(photos, seed=0, smallest=64)


@pytest.fixture
def run(pool):
    plan = recipe.parse(RECIPE, "codec-tiny")
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network = CODING.build(plan, CleanCrops(pool), generator)
    return Run(
        task=CODING,
        recipe=plan,
        network=network,
        average=copy.deepcopy(network),
        source=CleanCrops(pool),
        seconds=1e9,
        device=torch.device("cpu"),
        autocast=False,
        generator=generator,
    )


def _loss(run, sample):
    losses = []
    with torch.no_grad():
        for seed in range(6):
            run.generator.manual_seed(seed)
            losses.append(float(rate_and_distortion(run, sample, run.recipe.stages[0])))
    return sum(losses) / len(losses)


@pytest.mark.long
def test_steps_make_files_smaller_or_images_better(run):
    sample = run.source.draw(4, 64, torch.Generator().manual_seed(9))
    before = _loss(run, sample)
    for _ in range(100):
        run.step()
    assert _loss(run, sample) < before - 0.01, "a logarithm: a hundredth is one percent"


def test_a_codec_is_initialised_as_a_transform_coder(run):
    sample = run.source.draw(4, 64, torch.Generator().manual_seed(9))
    begun = _loss(run, sample)
    random = copy.deepcopy(run)
    random.network = type(run.network)(width=192, blocks=(1, 1), latents=96, hyper=4, features=8)
    random.forward = random.network
    assert begun < 0.5 * _loss(random, sample)


def test_the_index_path_is_rounded_in_the_last_part(run):
    assert not run.network.index_path_is_rounded
    run.seconds = 1.0
    run.progress.seconds = ROUNDED_FROM
    round_when_due(run)
    assert run.network.index_path_is_rounded
    assert run.average.index_path_is_rounded
    run.progress.seconds = 0.0
    round_when_due(run)
    assert not run.network.index_path_is_rounded


@pytest.mark.parametrize("seconds", [0.0, 0.99e9])
def test_no_step_makes_the_host_wait(run, never_waiting, seconds):
    batch = run.source.draw(4, 64, run.generator)

    class Repeated:
        def draw(self, count, patch, generator):
            return batch

    run.source, run.progress.seconds = Repeated(), seconds
    run.step()  # the first one makes the state of the optimisers
    with never_waiting("cpu"):
        run.step()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.75, 1.0])
def test_the_share_of_high_rates_is_that_of_the_recipe(share):
    steps = quality_steps(4000, share, torch.Generator().manual_seed(0))
    assert abs(float((steps >= LEVELS // 2).float().mean()) - share) < 0.03
    for half in (steps[steps < LEVELS // 2], steps[steps >= LEVELS // 2] - LEVELS // 2):
        assert not len(half) or set(half.tolist()) == set(range(LEVELS // 2)), "all steps of a half are drawn"


def test_another_loss_is_refused(run):
    nothing = torch.zeros(1, 3, 64, 64)
    stage = recipe.Stage(1.0, 64, 1, "charbonnier")
    with pytest.raises(UsageError, match="rate-distortion"):
        rate_and_distortion(run, Batch(nothing, nothing, torch.zeros(1, 4, 1, 1)), stage)


def test_clean_crops_are_their_own_target():
    ramp = torch.arange(128, dtype=torch.uint8).expand(3, 128, 128).contiguous()
    source = CleanCrops(PhotoPool((ramp,), torch.ones(1), (), ()))
    sample = source.draw(3, 64, torch.Generator().manual_seed(0))
    assert torch.equal(sample.input, sample.target)
    assert sample.planes.shape == (3, 4, 1, 1)
    assert sample.planes[0].flatten().tolist() == [0, 0, 1, 0]


def test_a_folder_of_photos_becomes_a_codec(photos, recipe_file, tmp_path):
    told = []
    out = tmp_path / "run"
    report = train_codec(
        photos, out, TrainOptions(minutes=0.03, recipe=recipe_file, device="cpu"), listener=told.append
    )
    assert report.finished
    assert report.weights == out / "codec-tiny.safetensors"
    assert report.weights.is_file()
    assert report.weights.with_suffix(".toml").is_file()
    rows = list(csv.DictReader((out / "log.csv").read_text().splitlines()))
    assert float(rows[-1]["bits against JPEG"]) > -100
    assert float(rows[-1]["step 61, dB"]) > float(rows[-1]["step 2, dB"])
    assert told[-1].unit == "%"


def test_a_validator_without_photos_returns_no_score(run):
    validator = CodecValidator.of(())
    result = validator.validate(run.network, run.device)
    assert (validator.columns, validator.details, result.scores) == ((), (), {})
    assert validator.examples(run.network, run.device) is None


def test_a_validator_compares_with_jpeg(run, pool):
    validator = CodecValidator.of(pool.images[:2])
    result = validator.validate(run.network, run.device)
    assert set(result.details) == set(validator.details)
    assert result.overall == -result.scores[validator.columns[0]]
    assert validator.examples(run.network, run.device).height > 1000


@pytest.mark.long
def test_a_resumed_codec_goes_on(photos, recipe_file, tmp_path):
    out = tmp_path / "run"
    first = train_codec(photos, out, TrainOptions(minutes=0.01, recipe=recipe_file, device="cpu"))
    minutes = first.progress.seconds / 60 + 0.02  # the machine may have been too busy for the 0.01
    again = train_codec(photos, out, TrainOptions(minutes=minutes, recipe=recipe_file, device="cpu", resume=True))
    assert again.progress.step > first.progress.step


@pytest.mark.parametrize("words", [{"start": "fast"}, {"teacher": "fast"}])
def test_a_codec_has_no_start_and_no_teacher(words, photos, tmp_path):
    with pytest.raises(UsageError, match="trained from scratch"):
        train_codec(photos, tmp_path / "run", TrainOptions(**words))


def test_patches_fit_the_hyper_latents(pool):
    plan = recipe.parse(RECIPE.replace("patch = 64", "patch = 96"), "codec-tiny")
    with pytest.raises(UsageError, match="multiples of 64"):
        CODING.build(plan, CleanCrops(pool), torch.Generator())
