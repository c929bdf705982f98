import pytest
import torch

from denoiser.noise.dice import Dice
from denoiser.training.degrade import compress, degrade
from denoiser.training.recipe import NoiseShares

KINDS = ("white", "camera", "shaped", "clean")


def _only(kind: str) -> NoiseShares:
    return NoiseShares(**{name: float(name == kind) for name in KINDS})


def _sample(kind: str, seed: int = 0, count: int = 32):
    clean = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(9))
    clean = clean.repeat_interleave(16, 2).repeat_interleave(16, 3) * 0.8 + 0.1
    return degrade(clean, _only(kind), torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_seeds(kind):
    one, two = _sample(kind), _sample(kind)
    assert one.input.shape == one.target.shape == (32, 3, 64, 64)
    assert one.planes.shape == (32, 4, 1, 1)
    assert torch.equal(one.input, two.input)
    assert torch.isfinite(one.input).all()


def test_the_target_of_clean_samples_is_the_input_or_the_image_before_jpeg():
    sample = _sample("clean", count=200)
    packed = (sample.input != sample.target).flatten(1).any(dim=1)
    assert float(packed.float().mean()) == pytest.approx(0.4, abs=0.12)
    assert float((sample.input - sample.target).abs().mean(dim=(1, 2, 3)).max()) < 0.06


@pytest.mark.parametrize(("kind", "given"), [("white", -1.0), ("camera", 1.0), ("shaped", 1.0)])
def test_the_kind_is_given_or_unknown(kind, given):
    kinds = _sample(kind).planes[:, 3].flatten().tolist()
    assert set(kinds) == {given, 0.0}


def _white(**more: float):
    shares = NoiseShares(white=1, camera=0, shaped=0, clean=0, grey=0, blind=0, max_sigma=4, **more)
    clean = torch.tensor([0.4, 0.5, 0.6]).reshape(1, 3, 1, 1).repeat(400, 1, 48, 48)
    sample = degrade(clean, shares, torch.Generator().manual_seed(3))
    return sample, (sample.input - sample.target) * 255, sample.planes[:, 0].flatten() * 75


def test_a_share_of_the_samples_is_given_a_wrong_level():
    for share, least, most in ((0.0, 0.0, 0.0), (0.5, 0.35, 0.55)):
        _, added, given = _white(mismatch=share)
        wrong = ~torch.isclose(given, added.std(dim=(1, 2, 3)), rtol=0.1, atol=0.3)
        assert least <= float(wrong.float().mean()) <= most


@pytest.mark.parametrize("name", ["stripes", "defects"])
def test_defects_lie_on_top_of_the_noise_and_leave_target_and_level(name):
    for share, least, most in ((0.0, 0.0, 0.0), (0.5, 0.35, 0.6)):
        sample, added, level = _white(**{name: share})
        outliers = added.abs().flatten(1).amax(dim=1) > 6.5 * level + 1
        lines = torch.maximum(added.mean(dim=3).std(dim=(1, 2)), added.mean(dim=2).std(dim=(1, 2)))
        found = lines > 1.3 * level / 48**0.5 + 0.3 if name == "stripes" else outliers
        assert least <= float(found.float().mean()) <= most
        assert bool((sample.target == sample.target[:1, :, :1, :1]).all())
        assert float(level.max()) <= 4.01


@pytest.mark.parametrize("kind", ["camera", "clean"])
def test_files_with_defects_are_rounded_or_packed(kind):
    clean = torch.rand(32, 3, 16, 16, generator=torch.Generator().manual_seed(9))
    shares = NoiseShares(**{name: float(name == kind) for name in KINDS}, stripes=1.0)
    noisy = degrade(clean, shares, torch.Generator().manual_seed(0)).input * 255
    assert torch.allclose(noisy, noisy.round(), atol=1e-3)


def test_a_quarter_of_the_samples_is_blind():
    planes = torch.cat([_sample("white", seed).planes for seed in range(8)]).flatten(1)
    unknown = planes[:, 2] == 0
    assert 0.15 < float(unknown.float().mean()) < 0.35
    assert (planes[unknown] == 0).all()


@pytest.mark.parametrize("blind", [0.0, 0.5, 1.0])
def test_a_recipe_sets_the_share_of_blind_samples(blind):
    shares = NoiseShares(white=1, camera=0, shaped=0, clean=0, blind=blind)
    clean = torch.rand(200, 3, 8, 8, generator=torch.Generator().manual_seed(9))
    planes = degrade(clean, shares, torch.Generator().manual_seed(1)).planes
    assert float((planes[:, 2] == 0).float().mean()) == pytest.approx(blind, abs=0.08)


@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_a_recipe_sets_the_share_of_grey_images(grey):
    shares = NoiseShares(white=1, camera=0, shaped=0, clean=0, grey=grey)
    clean = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(9))
    target = degrade(clean, shares, torch.Generator().manual_seed(1)).target
    same = (target[:, :1] == target).flatten(1).all(dim=1)
    assert bool((same == bool(grey)).all())


def test_the_given_level_is_the_level_that_is_there():
    sample = _sample("white")
    grey = (sample.target[:, 0] == sample.target[:, 1]).flatten(1).all(dim=1)
    known = (sample.planes[:, 2].flatten() == 1) & ~grey
    noise = (sample.input - sample.target)[known]
    there = noise.std(dim=(1, 2, 3)) * 255
    given = sample.planes[known, 0].flatten() * 75
    quiet = given < 25  # above it the clipped half loses some at black and white
    assert quiet.sum() > 3
    assert torch.allclose(there[quiet], given[quiet], rtol=0.06, atol=0.3)


def test_grey_images_get_grey_noise():
    sample = _sample("camera", count=64)
    grey = (sample.target[:, 0] == sample.target[:, 1]).flatten(1).all(dim=1)
    assert 2 <= int(grey.sum()) <= 25
    noisy = sample.input[grey]
    assert float((noisy[:, 0] - noisy[:, 1]).abs().max()) < 4 / 255  # JPEG rounds the channels apart


@pytest.mark.parametrize("kind", ["impulse", "masking"])
def test_holes_and_impulses_are_optional_and_blind(kind):
    shares = NoiseShares(**(dict.fromkeys(KINDS, 0.0) | {kind: 1.0}))
    clean = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    sample = degrade(clean, shares, torch.Generator().manual_seed(0))
    assert float((sample.input != sample.target).float().mean()) > 0.02
    assert (sample.planes == 0).all()


def test_no_noise_is_drawn_that_was_not_asked_for():
    clean = torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    sample = degrade(clean, NoiseShares(white=0.5, camera=0, shaped=0, clean=0.5), torch.Generator().manual_seed(0))
    changed = (sample.input != sample.target).flatten(1).any(dim=1).float().mean()
    assert 0.5 < float(changed) < 0.9  # half is white, and a fifth is clean and went through JPEG


def test_grey_white_noise_is_given_as_luma_alone():
    clean = torch.rand(64, 1, 32, 32, generator=torch.Generator().manual_seed(1)).expand(-1, 3, -1, -1)
    sample = degrade(clean.clone(), _only("white"), torch.Generator().manual_seed(0))
    assert torch.equal(sample.input[:, 0], sample.input[:, 2])
    assert (sample.planes[:, 1] == 0).all()
    assert float(sample.planes[:, 0].max()) > 1  # the root of three times the sigma


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_crops_stay_finite(value):
    shares = NoiseShares(white=0.3, camera=0.3, shaped=0.2, clean=0.1, impulse=0.05, masking=0.05)
    sample = degrade(torch.full((32, 3, 32, 32), value), shares, torch.Generator().manual_seed(0))
    assert all(torch.isfinite(part).all() for part in (sample.input, sample.target, sample.planes))


def dice() -> Dice:
    return Dice(torch.Generator().manual_seed(4))


def test_a_compressed_image_is_close_to_the_original():
    smooth = torch.linspace(0, 1, 32).expand(2, 3, 32, 32).clone()
    packed = compress(smooth, dice())
    assert not torch.equal(packed, smooth)
    assert float((packed - smooth).abs().mean()) < 0.02


def test_the_seed_decides():
    noisy = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.equal(compress(noisy, dice()), compress(noisy, dice()))
