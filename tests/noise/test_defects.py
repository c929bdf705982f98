import pytest
import torch

from denoiser.noise.defects import add_defects, add_stripes


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("add", [add_defects, add_stripes])
def test_nothing_is_added_at_zero_and_the_seed_decides(add):
    clean = torch.rand(2, 3, 32, 40, generator=_seeded(9))
    assert torch.equal(add(clean, 0.0, _seeded()), clean)
    assert torch.equal(add(clean, 0.01, _seeded(1)), add(clean, 0.01, _seeded(1)))
    assert not torch.equal(add(clean, 0.01, _seeded(1)), add(clean, 0.01, _seeded(2)))


def test_defects_are_rare_hot_or_dead_and_touch_nothing_else():
    clean = torch.full((64, 3, 64, 64), 0.5)
    noisy = add_defects(clean, torch.full((64,), 1e-3), _seeded())
    struck = (noisy != clean).any(dim=1).float()
    assert 1e-3 < float(struck.mean()) < 1e-2  # pairs and interpolated defects take more than one pixel
    assert float((noisy > 0.5).sum()) > 1.5 * float((noisy < 0.5).sum()) > 0
    assert float(noisy.min()) >= 0 and float(noisy.max()) <= 1


def test_defects_are_in_one_channel_or_in_all():
    clean = torch.full((32, 3, 64, 64), 0.5)
    channels = (add_defects(clean, 1e-3, _seeded()) != clean).sum(dim=1)
    assert 0.3 < float((channels == 3).sum() / (channels > 0).sum()) < 0.7


def test_some_defects_are_pairs_and_some_are_interpolated():
    clean = torch.full((200, 1, 16, 16), 0.5)
    struck = (add_defects(clean, 2e-4, _seeded()) != clean).flatten(1).sum(dim=1)
    assert {1, 2, 9} <= set(struck.tolist())


def test_stripes_run_from_side_to_side_either_way_at_their_sigma():
    clean = torch.full((40, 3, 48, 64), 0.5)
    added = add_stripes(clean, torch.full((40,), 10.0), _seeded()) - clean
    by_row = torch.isclose(added, added[..., :1]).flatten(1).all(dim=1)
    by_column = torch.isclose(added, added[..., :1, :]).flatten(1).all(dim=1)
    assert bool((by_row ^ by_column).all())
    assert 8 <= int(by_row.sum()) <= 32
    assert float(added.std()) * 255 == pytest.approx(10, rel=0.1)
    same = (added[:, :1] == added).flatten(1).all(dim=1)
    assert 8 <= int(same.sum()) <= 32
