import contextlib
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from denoiser import imageio
from denoiser.image import from_numpy


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
    assert answer.code == 2
    assert "nowhere: no such folder" in answer.err


@pytest.fixture
def pairs(make_picture):
    """Four images of noise, each a pair with itself: there is nothing to gain."""
    for number in range(4):
        for half in ("noisy", "clean"):
            make_picture(f"pairs/{half}/{number}.png", side=160, seed=number)
    return "pairs"


def test_a_tuning_tells_its_gain_and_keeps_the_start_where_there_is_none(call, words, pairs, tmp_path):
    start = call(*words).out.strip()
    wild = (tmp_path / "tiny.toml").read_text() + "[optimiser]\nmuon_rate = 0.3\nadam_rate = 0.3\n"
    (tmp_path / "wild.toml").write_text(wild)
    tuned = call(
        *("train", "denoiser", "--pairs", pairs, "--from", start, "--teacher", start, "--out", "tuned"),
        *("--recipe", "wild.toml", "--minutes", "0.01"),
    )
    assert tuned.code == 0, tuned.err
    assert "step 0: validation before: " in tuned.err
    assert "pairs, blind" in tuned.err
    assert "no improvement, so the initial weights are kept" in tuned.err


def test_nothing_to_train_on_names_the_flags(call):
    answer = call("train", "denoiser", "--out", "run")
    assert answer.code == 2
    assert "--data or --pairs" in answer.err


def _started(words, *more):
    """The real program in a group of processes of its own, as a terminal starts it."""
    command = [sys.executable, "-m", "denoiser_cli", *words[:-1], "60", "--json", "--device", "cpu", *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, text=True, env=environment, start_new_session=True, **pipes)


def _end(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.skipif(os.name != "posix", reason="process groups are of POSIX")
@pytest.mark.parametrize("more", [(), pytest.param(("--devices", "2"), marks=pytest.mark.long)])
def test_ctrl_c_saves_and_says_how_to_go_on(call, words, more):
    process = _started(words, *more)
    try:
        assert json.loads(process.stdout.readline())["event"] == "training"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=200)
    finally:
        _end(process)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["weights"] == "run/denoiser-tiny.safetensors"
    assert "stopped; continue with --resume" in err
    assert "Traceback" not in err and "KeyboardInterrupt" not in err
    again = call(*words, "--resume")  # its time is used up by now: it only finishes
    assert again.code == 0, again.err
    assert "finished" in again.err


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="process groups are of POSIX")
def test_other_processes_end_when_the_first_is_killed(call, words):
    process = _started(words, "--devices", "2")
    try:
        assert json.loads(process.stdout.readline())["event"] == "training"
        process.kill()
        process.communicate(timeout=200)  # returns when the last process has closed its output
    finally:
        _end(process)


def test_a_noise_is_learned_only_where_there_is_one(call, tiny_weights, tmp_path):
    (tmp_path / "clean").mkdir()
    ramp = np.linspace(20, 230, 256, dtype=np.float32)
    scene = np.stack([ramp[None] + ramp[:, None]] * 3, axis=2) / 2
    imageio.write(from_numpy(np.rint(scene).astype(np.uint8)), tmp_path / "clean" / "a.png")
    answer = call("train", "denoiser", "--noisy", "clean", "--out", "run", "--from", str(tiny_weights))
    assert answer.code == 1
    assert "clean: no noise to learn" in answer.err
    assert not (tmp_path / "run").exists()
    both = call("train", "denoiser", "--noisy", "clean", "--pairs", "clean", "--out", "run")
    assert both.code == 2
    assert "Choose only one of --noisy and --pairs" in both.err
