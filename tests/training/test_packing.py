import torch

from denoiser.training.packing import pack_some


def test_chosen_pictures_are_packed_and_the_others_left_alone():
    smooth = torch.linspace(0, 1, 32).expand(2, 3, 32, 32).clone()
    packed = pack_some(smooth, torch.tensor([False, True]), torch.Generator().manual_seed(0))
    assert torch.equal(packed[0], smooth[0])
    assert not torch.equal(packed[1], smooth[1])
    assert float((packed[1] - smooth[1]).abs().mean()) < 0.02


def test_the_seed_decides():
    noisy = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    chosen = torch.ones(3, dtype=torch.bool)
    one, two = (pack_some(noisy, chosen, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, two)
