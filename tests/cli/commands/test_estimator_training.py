"""`denoise train estimator` on the command line."""

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
from denoiser.training.estimator import EstimatorSamples


@pytest.fixture
def words(tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(4):
        crop = data.astronaut()[number * 20 : number * 20 + 280, :280]
        imageio.write(from_numpy(crop), tmp_path / "photos" / f"{number}.png")
    return ("train", "estimator", "--data", "photos", "--out", "run", "--crops", "40", "--steps", "100")


def test_a_folder_becomes_validated_weights(call, words):
    trained = call(*words)
    assert (trained.code, trained.out.strip()) == (0, "run/estimator.safetensors"), trained.err
    lines = trained.err.splitlines()
    assert "training samples from 40 of 40 crops" in trained.err
    table = [
        line.strip() for line in lines[lines.index(next(line for line in lines if "validation photo" in line)) :]
    ]
    assert [line.split(":")[0].split() for line in table[1:7]] == [
        ["white", "noise", level] for level in ("3", "5", "10", "15", "25", "50")
    ]
    assert table[7].startswith("clean photos: ") and "of 1 estimated below 1.5" in table[7]
    assert table[8].startswith("100 steps, ") and table[8].endswith("finished.")
    shown = call("models", trained.out.strip(), "--verify")
    assert shown.code == 0, shown.err
    assert "noise-reader-2" in shown.out and "held out white 25 luma" in shown.out


def test_json_has_one_object_per_line_and_another_seed_uses_the_same_samples(call, words):
    first = [json.loads(line) for line in call(*words, "--json", "-q").out.splitlines()]
    assert {event["event"] for event in first} == {"training", "trained"}
    held_out = first[-1]["held_out"]
    assert held_out["photos"] == 1 and [one["level"] for one in held_out["white"]] == [3, 5, 10, 15, 25, 50]
    refused = call(*words)
    assert refused.code == 2
    assert "run already contains a run." in refused.err and "--resume" in refused.err
    again = call(*words, "--seed", "1", "--resume", "--json", "-q")
    events = [json.loads(line) for line in again.out.splitlines()]
    assert again.code == 0, again.err
    assert not any("crops" in event.get("note", "") for event in events)
    assert events[-1]["held_out"]["white"] != held_out["white"]


def test_quiet_prints_only_the_end(call, words):
    lines = call(*words, "-q").err.splitlines()
    assert len(lines) == 1 and "finished" in lines[0]


def test_without_held_out_photos_there_is_a_message(call, words, tmp_path):
    (tmp_path / "photos" / "0.png").unlink()
    answer = call(*words)
    assert answer.code == 0, answer.err
    assert "No validation" in answer.err


@pytest.mark.parametrize("flag", ["--pairs", "--noisy", "--minutes", "--recipe", "--from", "--teacher", "--device"])
def test_flags_of_denoisers_are_refused(call, words, flag):
    answer = call(*words, flag, {"--minutes": "5", "--device": "cpu"}.get(flag, "photos"))
    assert answer.code == 2
    assert f"{flag} applies to denoisers and codecs only." in answer.err


@pytest.mark.parametrize("what", ["denoiser", "codec"])
def test_flags_of_estimators_are_refused_for_others(call, words, what):
    answer = call("train", what, *words[2:])
    assert answer.code == 2
    assert "--crops applies to estimators only." in answer.err


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="process groups are of POSIX")
def test_ctrl_c_keeps_the_samples(call, words, tmp_path):
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
    made = EstimatorSamples.load(tmp_path / "run" / "lessons.safetensors").crops
    assert f"Stopped: samples from {made:,} of 4,000 crops are kept in run/lessons.safetensors." in err
    assert "The same command with --resume continues." in err
    assert "Traceback" not in err and "KeyboardInterrupt" not in err
