import json

import pytest


@pytest.fixture
def photos(make_picture):
    for number in range(2):
        make_picture(f"photos/{number}.png", side=40, seed=number)


def test_white_noise_at_the_levels_asked_for(call, network, photos):
    answer = call("evaluate", "denoiser", "--data", "photos", "--level", "10", "--level", "20", *network)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0] == "denoiser-tiny, cpu, fp32"
    assert [line.split()[:3] for line in lines[2:]] == [["white", "10", "2"], ["white", "20", "2"]]


def test_pairs_and_untouched(call, network, make_picture):
    make_picture("pairs/a__noisy.png", seed=1)
    make_picture("pairs/a__clean.png", seed=1)
    answer = call("evaluate", "denoiser", "--data", "pairs", "--kind", "pairs", "--json", *network)
    pairs = json.loads(answer.out)
    answer = call("evaluate", "denoiser", "--data", "pairs", "--kind", "untouched", "--json", *network)
    untouched = json.loads(answer.out)
    assert [picture["name"] for picture in pairs["pictures"]] == ["a"]
    assert pairs["psnr"] == untouched["psnr"]  # both halves are the same picture


def test_nothing_to_measure_on_is_one_line_and_a_hint(call, network):
    answer = call("evaluate", "denoiser", "--data", "nowhere", *network)
    assert answer.code == 1
    assert "nowhere: no such folder" in answer.err
    assert len(answer.err.strip().splitlines()) == 2
