import torch

from denoiser.networks.codec.transforms import Analysis, CodecBlock, Folded, Steer, Synthesis, begin_as

TOLD = torch.zeros(2, 4, 1, 1)


def test_a_new_block_changes_nothing():
    x = torch.randn(1, 8, 4, 4)
    assert torch.equal(CodecBlock(8, 2)(x, torch.ones(1, 2)), x)


def test_steering_scales_and_shifts_channels():
    steer = Steer(1, 2)
    x = torch.ones(1, 2, 1, 1)
    assert torch.equal(steer(x, torch.ones(1, 1)), x)
    with torch.no_grad():
        steer.to_scale.weight[0, 0] = 1.0
        steer.to_shift.weight[1, 0] = -3.0
    assert steer(x, torch.ones(1, 1)).flatten().tolist() == [2, -2]


def test_principal_components_are_sorted_and_go_there_and_back():
    torch.manual_seed(0)
    ramp = torch.linspace(0, 1, 32)
    crops = (ramp[:, None] * torch.rand(64, 3, 1, 1) + ramp * torch.rand(64, 3, 1, 1)) / 2
    analysis, synthesis = Analysis(192, 1, 64), Synthesis(192, 1, 64, 2)
    deviation = begin_as(analysis, synthesis, crops)
    assert deviation.tolist() == sorted(deviation.tolist(), reverse=True)
    with torch.no_grad():
        y = analysis(crops[:2], TOLD)
        back = synthesis(y, torch.zeros(2, 2))
    assert y.shape == (2, 64, 2, 2)
    torch.testing.assert_close(back, crops[:2], atol=1e-3, rtol=0)


def test_brightness_stays_in_fp32_under_autocast():
    analysis, synthesis = Analysis(192, 1, 16), Synthesis(192, 1, 16, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = analysis(torch.rand(2, 3, 64, 64), TOLD)
        pixels = synthesis(y, torch.zeros(2, 2))
    assert y.dtype == pixels.dtype == torch.float32


def _random_weights(network: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) / max(1, weight[0].numel()) ** 0.5)


def _assert_near(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert float((ours - theirs).abs().max()) < 1e-5 * float(theirs.abs().max())


def test_folded_transforms_compute_the_same():
    analysis, synthesis = Analysis(192, 2, 16), Synthesis(192, 2, 16, 3)
    planes, conditioning = torch.rand(1, 4, 1, 1), torch.rand(1, 3)
    for network in (analysis, synthesis):
        _random_weights(network)
    pixels, y = torch.rand(1, 3, 64, 128), torch.randn(1, 16, 4, 8)
    with torch.no_grad():
        _assert_near(Folded(analysis, planes.flatten(1))(pixels), analysis(pixels, planes))
        _assert_near(Folded(synthesis, conditioning)(y), synthesis(y, conditioning))


def test_a_network_folded_in_inference_mode_has_gradients():
    synthesis = Synthesis(192, 1, 16, 2)
    _random_weights(synthesis)
    conditioning, y = torch.rand(1, 2), torch.randn(1, 16, 2, 2, requires_grad=True)
    with torch.inference_mode():
        folded = Folded(synthesis, conditioning)
    (ours,), (theirs,) = (torch.autograd.grad(x.square().sum(), y) for x in (folded(y), synthesis(y, conditioning)))
    _assert_near(ours, theirs)
