import pytest
import torch

from denoiser.noise.masking import mask_blocks, mask_pixels, mask_stripes


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("mask", [mask_pixels, mask_blocks, mask_stripes])
def test_a_share_is_lost_and_the_rest_is_kept(mask):
    clean = torch.rand(12, 3, 122, 131, generator=_seeded(1)) * 0.8 + 0.1
    masked = mask(clean, 0.3, _seeded(), fill=0.5)
    lost = (masked == 0.5).all(dim=1)
    assert float(lost.float().mean()) == pytest.approx(0.3, abs=0.05)
    kept = (~lost).unsqueeze(1).expand_as(clean)
    assert torch.equal(masked[kept], clean[kept])
    assert torch.equal(mask(clean, 0.0, _seeded()), clean)
    assert float(mask(clean, 1.0, _seeded()).max()) == 0


def test_blocks_are_squares():
    lost = mask_blocks(torch.ones(1, 1, 64, 64), 0.4, _seeded(), size=16)[0, 0] == 0
    by_block = lost.reshape(4, 16, 4, 16).float().mean(dim=(1, 3))
    assert set(by_block.flatten().tolist()) == {0.0, 1.0}


def test_stripes_run_from_side_to_side_either_way():
    masked = mask_stripes(torch.ones(40, 1, 32, 32), 0.3, _seeded(), size=2)[:, 0] == 0
    by_row = [torch.equal(one, one[:, :1].expand_as(one)) for one in masked]
    by_column = [torch.equal(one, one[:1].expand_as(one)) for one in masked]
    assert all(row or column for row, column in zip(by_row, by_column, strict=True))
    assert any(by_row)
    assert any(by_column)
