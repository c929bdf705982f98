import json

import pytest


@pytest.fixture
def words(tmp_path, make_picture, tiny_recipe):
    for number in range(3):
        make_picture(f"photos/{number}.png", side=160, seed=number)
    (tmp_path / "tiny.toml").write_text(tiny_recipe)
    return ("train", "denoiser", "--data", "photos", "--out", "run", "--recipe", "tiny.toml", "--minutes", "0.01")


def test_a_folder_becomes_weights_that_clean(call, words, make_picture):
    trained = call(*words)
    assert (trained.code, trained.out.strip()) == (0, "run/denoiser-tiny.safetensors")
    assert "finished" in trained.err
    make_picture("imgs/a.png")
    cleaned = call("imgs", "--out", "clean", "--model", trained.out.strip())
    assert cleaned.code == 0, cleaned.err


def test_json_is_one_object_a_line(call, words):
    events = [json.loads(line) for line in call(*words, "--json", "-q").out.splitlines()]
    assert {event["event"] for event in events} == {"training", "trained"}


def test_a_run_is_not_overwritten_and_goes_on_with_resume(call, words):
    assert call(*words).code == 0
    again = call(*words)
    assert again.code == 2
    assert "--resume" in again.err
    longer = call(*words[:-1], "0.02", "--resume")
    assert longer.code == 0, longer.err


def test_a_wrong_folder_is_named(call, words):
    answer = call(*("nowhere" if word == "photos" else word for word in words))
    assert answer.code == 1
    assert "nowhere: no such folder" in answer.err
