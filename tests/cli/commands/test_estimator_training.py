"""`denoise train estimator`, as people type it."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest
from skimage import data

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser.training.estimator_run import open_book


@pytest.fixture
def words(tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(4):
        crop = data.astronaut()[number * 20 : number * 20 + 280, :280]
        imageio.write(from_numpy(crop), tmp_path / "photos" / f"{number}.png")
    return ("train", "estimator", "--data", "photos", "--out", "run", "--crops", "40", "--steps", "100")


def test_a_folder_becomes_weights_that_are_judged_and_known(call, words):
    trained = call(*words)
    assert (trained.code, trained.out.strip()) == (0, "run/estimator.safetensors"), trained.err
    lines = trained.err.splitlines()
    assert "lessons from 40 of 40 crops" in trained.err and "step 100 of 100, loss" in trained.err
    judged = [
        line.strip() for line in lines[lines.index(next(line for line in lines if "validation photo" in line)) :]
    ]
    assert [line.split(":")[0].split() for line in judged[1:7]] == [
        ["white", "noise", level] for level in ("3", "5", "10", "15", "25", "50")
    ]
    assert judged[7].startswith("clean photos: ") and "of 1 estimated below 1.5" in judged[7]
    assert judged[8].endswith("finished.") and "100 steps" in judged[8]
    told = call("models", trained.out.strip(), "--verify")
    assert told.code == 0, told.err
    assert "noise-reader-2" in told.out and "held out white 25 luma" in told.out


def test_json_is_one_object_a_line_and_lessons_are_learned_again(call, words):
    first = [json.loads(line) for line in call(*words, "--json", "-q").out.splitlines()]
    assert {event["event"] for event in first} == {"training", "trained"}
    held_out = first[-1]["held_out"]
    assert held_out["photos"] == 1 and [one["level"] for one in held_out["white"]] == [3, 5, 10, 15, 25, 50]
    refused = call(*words)
    assert refused.code == 2
    assert "run holds lessons already." in refused.err and "--resume" in refused.err
    again = call(*words, "--seed", "1", "--resume", "--json", "-q")
    events = [json.loads(line) for line in again.out.splitlines()]
    assert again.code == 0, again.err
    assert not any("crops" in event.get("note", "") for event in events)
    assert events[-1]["held_out"]["white"] != held_out["white"]


def test_quiet_says_the_end_alone(call, words):
    lines = call(*words, "-q").err.splitlines()
    assert len(lines) == 1 and "finished" in lines[0]


def test_photos_without_a_held_out_one_are_told(call, words, tmp_path):
    (tmp_path / "photos" / "0.png").unlink()
    answer = call(*words)
    assert answer.code == 0, answer.err
    assert "No validation" in answer.err


@pytest.mark.parametrize("flag", ["--pairs", "--noisy", "--minutes", "--recipe", "--from", "--teacher", "--device"])
def test_words_that_say_nothing_to_an_estimator_are_refused(call, words, flag):
    answer = call(*words, flag, {"--minutes": "5", "--device": "cpu"}.get(flag, "photos"))
    assert answer.code == 2
    assert f"{flag} applies to denoisers and codecs only." in answer.err


@pytest.mark.parametrize("what", ["denoiser", "codec"])
def test_words_of_an_estimator_say_nothing_to_others(call, words, what):
    answer = call("train", what, *words[2:])
    assert answer.code == 2
    assert "--crops applies to estimators only." in answer.err


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="process groups are of POSIX")
def test_ctrl_c_keeps_the_lessons_and_says_so(call, words, tmp_path):
    command = [sys.executable, "-m", "denoiser_cli", *words[:-3], "4000", "--steps", "100", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, text=True, env=environment, start_new_session=True, **pipes)
    try:
        assert "crops" in json.loads(process.stdout.readline())["note"]
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=200)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == 130
    made = open_book(tmp_path / "run" / "lessons.safetensors").crops
    assert f"Stopped: lessons from {made:,} of 4,000 crops are kept in run/lessons.safetensors." in err
    assert "The same call with --resume goes on." in err
    assert "Traceback" not in err and "KeyboardInterrupt" not in err
