import csv
import re

import pytest
import torch

from denoiser.events import CancelToken
from denoiser.networks.condition import Condition
from denoiser.training.loop import Logbook, peak_flops, speed_note, train, training_flops
from denoiser.training.run import DENOISING
from denoiser.training.run_folder import RunFolder
from denoiser.training.validation import DenoiserValidator, ValidationCrop


@pytest.fixture
def validator():
    picture = torch.linspace(0, 1, 64).expand(3, 64, 64)
    return DenoiserValidator(
        (ValidationCrop("white 25", picture + 0.1, picture, Condition(25, 25, 0.0)),), ("white 25",)
    )


@pytest.fixture
def events():
    return []


@pytest.fixture
def logbook(tiny_run, tmp_path, validator, events):
    run = tiny_run(seconds=1e6)
    folder = RunFolder(tmp_path, DENOISING, resume=False)
    folder.open(run.recipe.text, validator)
    return Logbook(run, folder, validator, events.append)


def _work(logbook, seconds):
    run = logbook._run
    run.progress.seconds += seconds
    run.progress.step += 1
    run.progress.megapixels += 0.5
    logbook.write([0.25], seconds)


def _rows(tmp_path):
    return list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))


def test_loss_and_speed_are_reported_every_few_seconds(logbook, events):
    for _ in range(4):
        _work(logbook, 2.0)
    assert [event.step for event in events] == [3]
    assert events[0].loss == 0.25
    assert events[0].megapixels_per_second == pytest.approx(0.25)
    assert events[0].seconds_left == pytest.approx(1e6 - 6)


def test_the_share_of_the_peak_is_reported_once_in_the_first_half_minute(logbook, events):
    for _ in range(15):
        _work(logbook, 4.0)
    notes = [event for event in events if event.note]
    assert len(notes) == 1
    assert "% of the" in notes[0].note
    assert notes[0].seconds_left >= 1e6 - 30


def test_state_and_usable_weights_are_saved_every_two_minutes(logbook, tmp_path):
    for _ in range(11):
        _work(logbook, 10.0)
    assert not (tmp_path / "state.safetensors").exists()
    _work(logbook, 10.0)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"state.safetensors", "latest.safetensors", "latest.toml"} <= names


def test_the_network_is_validated_every_ten_minutes(logbook, tmp_path, events):
    for _ in range(60):
        _work(logbook, 10.0)
    validations = [event for event in events if event.validation_psnr]
    assert len(validations) == 1
    assert validations[0].validation_psnr["white 25"] == pytest.approx(20, abs=1), "untrained, it keeps the noise"
    rows = _rows(tmp_path)
    assert [row["white 25"] != "" for row in rows] == [False] * (len(rows) - 1) + [True]
    assert len(rows) == 20
    assert (tmp_path / "before-after.png").read_bytes().startswith(b"\x89PNG")
    assert "white 25" in (tmp_path / "loss.svg").read_text()


def test_a_log_goes_on_with_new_columns_and_keeps_the_old_ones(tiny_run, tmp_path, validator):
    (tmp_path / "log.csv").write_text("step,seconds,megapixels,white 50\n10,600,1.5,26.1\n")
    (tmp_path / "state.safetensors").touch()
    run = tiny_run(seconds=1e6)
    folder = RunFolder(tmp_path, DENOISING, resume=True)
    folder.open(run.recipe.text, validator)
    Logbook(run, folder, validator, lambda event: None).validate(run.average)
    first, last = _rows(tmp_path)
    assert (first["white 50"], first["white 25"], first["seconds"]) == ("26.1", "", "600")
    assert (last["white 50"], float(last["white 25"])) == ("", pytest.approx(20, abs=1))


def test_a_cancelled_run_takes_no_step_and_is_saved(logbook, tmp_path):
    cancel = CancelToken()
    cancel.cancel()
    run = logbook._run
    train(run, logbook, cancel)
    assert run.progress.step == 0
    assert (tmp_path / "state.safetensors").exists()


def test_time_is_what_the_steps_took(tiny_run):
    run = tiny_run(seconds=0.5)
    train(run, None, CancelToken())
    assert run.fraction == 1
    assert 0.5 <= run.progress.seconds < 30  # a step more at most; one step takes seconds on a busy machine
    assert run.progress.step > 1
    assert all(torch.isfinite(parameter).all() for parameter in run.network.parameters())


def test_the_peak_is_that_of_a_machine():
    assert 1e7 < peak_flops(torch.device("cpu"), bf16=False) < 1e14


def test_a_training_does_six_operations_for_each_multiplication():
    assert training_flops(0.5, 60) == pytest.approx(0.5e6 * 60e3 * 6)


def test_the_note_names_speed_share_and_peak(tiny_run):
    note = speed_note(tiny_run(), 0.25)
    assert re.fullmatch(r"0.25 MP/s, \d+% of the [\d.e-]+ TFLOP/s that cpu reaches in fp32", note)
    assert ", 0% of" in speed_note(tiny_run(), 0.0)
