import torch

from denoiser.training.speed import peak_flops, speed_note


def test_the_peak_is_that_of_a_machine():
    assert 1e8 < peak_flops(torch.device("cpu"), bf16=False) < 1e14


def test_twice_the_speed_is_twice_the_share(tiny_run):
    run = tiny_run()
    kmac = run.network.spec(32).kmac_per_pixel
    half = peak_flops(run.device, bf16=False) / 2 / (6e9 * kmac)  # MP/s that would be half the peak
    share = int(speed_note(run, half).split(", ")[1].partition("%")[0])
    assert 15 < share < 150, "half the peak, as far as a busy machine measures it twice alike"
    assert speed_note(run, 0.0).startswith("0 MP/s, 0% of the ")
