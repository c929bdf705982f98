import csv
import multiprocessing
import os
import subprocess
import sys
import threading

import pytest
import torch
from safetensors.torch import load_file

from denoiser.errors import MissingDevice, UnusableData, UsageError
from denoiser.events import CancelToken, TrainingProgress
from denoiser.options import TrainOptions
from denoiser.training import train_denoiser
from denoiser.training.team import how_many

APART = """
import torch
from denoiser.errors import TrainingFailed
from denoiser.events import ignore
from denoiser.training.team import train_together
from denoiser.training.data import QUIETLY
from denoiser.training.team import Word

def agree(team, device, listener, reading):
    lead = team.number == 0
    said = team.agree(Word(seconds=7.5 if lead else 99.0, steps=3 if lead else 50, stop=not lead, failed=not lead))
    same = torch.full((4,), 2.0)
    team.check_alike([same])
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, float(team.number))
    joined = team.join(layer)
    team.backward(joined(torch.full((1, 1), float(team.number + 1))).sum())
    try:
        team.check_alike([torch.full((4,), float(team.number))])
    except TrainingFailed as error:
        return said, float(layer.weight.detach()), float(layer.weight.grad), error.message

def fall(team, device, listener, reading):
    if team.number == 1:
        raise ZeroDivisionError("the second fell")
    team.check_alike([torch.zeros(1)])

if __name__ == "__main__":
    print(train_together(agree, 2, "cpu", ignore, QUIETLY))
    try:
        train_together(fall, 2, "cpu", ignore, QUIETLY)
    except TrainingFailed as error:
        print(error.message)
"""


@pytest.mark.long
def test_a_team_agrees_and_notices_who_does_not(tmp_path):
    script = tmp_path / "apart.py"
    script.write_text(APART)
    shown = subprocess.run([sys.executable, str(script)], check=False, capture_output=True, text=True, timeout=240)
    assert shown.returncode == 0, shown.stderr
    agreed, fallen = shown.stdout.splitlines()
    assert agreed.startswith("(Word(seconds=7.5, steps=3, stop=False, failed=True), 0.0, 1.5, ")
    assert "no longer hold the same weights" in agreed
    assert "Terminating" not in shown.stderr
    assert "the second fell" in fallen


@pytest.mark.long
def test_two_processes_train_one_network(tmp_path, photos, recipe):
    events, read = [], []
    options = TrainOptions(minutes=0.05, recipe=recipe, device="cpu", devices=2)
    report = train_denoiser(
        photos, tmp_path / "run", options, listener=events.append, loading=lambda done, total: read.append(total)
    )
    assert report.finished, "both held the same weights at the end, or this would have raised"
    assert all(torch.isfinite(value).all() for value in load_file(report.weights).values())
    assert read == [10] * 10
    assert any(isinstance(event, TrainingProgress) and event.validation_psnr for event in events)
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").read_text().splitlines()))
    megapixels, steps = float(rows[-1]["megapixels"]), int(rows[-1]["step"])
    assert megapixels > 1.5 * steps * 4 * 32 * 32 / 1e6, "the work of both is counted"
    assert "2 times" in report.weights.with_suffix(".toml").read_text()
    assert "MASTER_PORT" not in os.environ
    again = TrainOptions(minutes=report.progress.seconds / 60 + 0.03, recipe=recipe, device="cpu", resume=True)
    assert train_denoiser(photos, tmp_path / "run", again).progress.step > report.progress.step
    _nothing_is_left()


@pytest.mark.long
def test_a_cancel_reaches_all_and_errors_come_back_as_they_are(tmp_path, photos, recipe):
    cancel = CancelToken()
    options = TrainOptions(minutes=60, recipe=recipe, device="cpu", devices=2)
    report = train_denoiser(
        photos, tmp_path / "run", options, listener=lambda event: cancel.cancel(), cancel=cancel
    )
    assert not report.finished
    assert (tmp_path / "run" / "state.safetensors").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UnusableData, match="no readable picture") as caught:
        train_denoiser(empty, tmp_path / "other", options)
    assert "clean photos" in caught.value.hint
    _nothing_is_left()


def _nothing_is_left():
    assert not multiprocessing.active_children()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("denoise-")]


def test_how_many_is_as_wished_or_one_on_a_cpu():
    assert how_many(None, "cpu") == 1
    assert how_many(1, "cpu") == how_many(1, "mps") == 1
    with pytest.raises(MissingDevice, match="64 devices are asked for"):
        how_many(64, "cuda")
    with pytest.raises(UsageError, match="one GPU"):
        how_many(2, "mps")
