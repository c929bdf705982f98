import csv
import json
import multiprocessing
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from denoiser.errors import MissingDevice, UnusableData, UsageError
from denoiser.events import CancelToken, TrainingProgress
from denoiser.options import TrainOptions
from denoiser.training import train_denoiser
from denoiser.training.processes import process_count

SCRIPT = """
import os, sys
import torch
from denoiser.errors import TrainingFailed, UnusableData
from denoiser.events import ignore
from denoiser.training.data import SILENT
from denoiser.training.processes import LoopState, run_in_processes

def agree(processes, device, listener, loading):
    first = processes.rank == 0
    state = LoopState(seconds=7.5 if first else 99.0, steps=3 if first else 50, stop=not first, failed=not first)
    agreed = processes.agree(state)
    processes.check_equal([torch.full((4,), 2.0)])
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, float(processes.rank))
    wrapped = processes.wrap(layer)
    wrapped(torch.full((1, 1), float(processes.rank + 1))).sum().backward()
    try:
        processes.check_equal([torch.full((4,), float(processes.rank))])
    except TrainingFailed as error:
        return agreed, float(layer.weight.detach()), float(layer.weight.grad), error.message

def fail(processes, device, listener, loading):
    if processes.rank == 1:
        raise ZeroDivisionError("rank 1 failed")
    processes.check_equal([torch.zeros(1)])

def die(processes, device, listener, loading):
    if processes.rank == 1:
        os._exit(3)
    processes.check_equal([torch.zeros(1)])

def reject(processes, device, listener, loading):
    if processes.rank == 0:
        raise UnusableData("rank 0 found no photos")
    processes.check_equal([torch.zeros(1)])

if __name__ == "__main__":
    print(run_in_processes(agree, 2, "cpu", ignore, SILENT))
    for work in (fail, die, reject):
        try:
            run_in_processes(work, 2, "cpu", ignore, SILENT)
        except (TrainingFailed, UnusableData) as error:
            print(type(error).__name__, error.message)
"""


@pytest.mark.long
def test_processes_agree_average_gradients_and_report_failures(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    shown = subprocess.run([sys.executable, str(script)], check=False, capture_output=True, text=True, timeout=240)
    assert shown.returncode == 0, shown.stderr
    agreed, failed, died, rejected = shown.stdout.splitlines()
    assert agreed.startswith("(LoopState(seconds=7.5, steps=3, stop=False, failed=True), 0.0, 1.5, ")
    assert "no longer have the same weights" in agreed
    assert failed == "TrainingFailed A training process ended: ZeroDivisionError: rank 1 failed"
    assert died == "TrainingFailed A training process ended: process 0 terminated with exit code 3"
    assert rejected == "UnusableData rank 0 found no photos"
    assert "Terminating" not in shown.stderr


@pytest.mark.long
def test_two_processes_train_one_network(tmp_path, photos, recipe):
    events, read = [], []
    options = TrainOptions(minutes=0.05, recipe=recipe, device="cpu", devices=2)
    report = train_denoiser(
        photos, tmp_path / "run", options, listener=events.append, loading=lambda done, total: read.append(total)
    )
    assert report.finished, "both have the same weights at the end, or this would raise"
    assert all(torch.isfinite(value).all() for value in load_file(report.weights).values())
    assert read == [10] * 10
    assert any(isinstance(event, TrainingProgress) and event.validation_psnr for event in events)
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").read_text().splitlines()))
    megapixels, steps = float(rows[-1]["megapixels"]), int(rows[-1]["step"])
    assert megapixels > 1.5 * steps * 4 * 32 * 32 / 1e6, "the work of both is counted"
    assert "2 times" in report.weights.with_suffix(".toml").read_text()
    again = TrainOptions(minutes=report.progress.seconds / 60 + 0.03, recipe=recipe, device="cpu", resume=True)
    assert train_denoiser(photos, tmp_path / "run", again).progress.step > report.progress.step
    _no_process_is_left()


@pytest.mark.long
def test_a_cancel_stops_all_processes_and_errors_are_kept(tmp_path, photos, recipe):
    cancel = CancelToken()
    options = TrainOptions(minutes=60, recipe=recipe, device="cpu", devices=2)
    report = train_denoiser(
        photos, tmp_path / "run", options, listener=lambda event: cancel.cancel(), cancel=cancel
    )
    assert not report.finished
    assert (tmp_path / "run" / "state.safetensors").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UnusableData, match="no readable image") as caught:
        train_denoiser(empty, tmp_path / "other", options)
    assert "clean photos" in caught.value.hint
    _no_process_is_left()


def _no_process_is_left():
    assert not multiprocessing.active_children()


def test_one_process_is_the_default_on_a_cpu():
    assert process_count(None, "cpu") == 1
    assert process_count(1, "cpu") == process_count(1, "mps") == 1
    with pytest.raises(MissingDevice, match="64 devices were requested"):
        process_count(64, "cuda")
    with pytest.raises(UsageError, match="one GPU"):
        process_count(2, "mps")


def torchrun(*arguments: str, processes: int = 2) -> list[str]:
    """The command that starts denoise in processes of torchrun on this machine."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [*launcher, "-m", "denoiser_cli", "train", *arguments]


@pytest.mark.long
def test_torchrun_starts_the_processes(tmp_path):
    out = tmp_path / "run"
    command = torchrun("autoencoder", "digits", "--out", str(out), "--epochs", "2", "--json")
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["event"] for one in said].count("trained") == 1, "only rank 0 reports"
    (weights,) = out.glob("*.safetensors")
    assert "2 times" in weights.with_suffix(".toml").read_text(encoding="utf-8")


@pytest.mark.long
def test_torchrun_is_stopped_and_continued(tmp_path):
    out = tmp_path / "run"
    arguments = ("autoencoder", "digits", "--out", str(out), "--epochs", "900")
    with subprocess.Popen(torchrun(*arguments, "--json"), stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert any('"training"' in line for line in first.stdout)
        time.sleep(2)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)
    assert first.returncode != 0 and (out / "state.safetensors").exists()
    with subprocess.Popen(torchrun(*arguments, "--resume", "--json"), stdout=subprocess.PIPE, text=True) as again:
        assert again.stdout is not None
        step = next(json.loads(line)["step"] for line in again.stdout if '"training"' in line)
        again.send_signal(signal.SIGINT)
        again.communicate(timeout=60)
    assert step > 10, "it continues"


def test_devices_are_those_of_torchrun(tmp_path, photos, recipe, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "tests")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="torchrun"):
        train_denoiser(photos, tmp_path / "run", TrainOptions(recipe=str(recipe), device="cpu", devices=2))
