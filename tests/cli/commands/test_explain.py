"""`denoise generate`, `interpolate` and `explain` with an autoencoder that `denoise train autoencoder` trains."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from denoiser import imageio
from denoiser.image import from_numpy


@pytest.fixture
def model(call) -> str:
    words = ("digits", "--kind", "variational", "--layers", "16", "--code", "3", "--epochs", "2")
    answer = call("train", "autoencoder", *words, "--out", "vae", "--json")
    assert answer.code == 0, answer.err
    trained = json.loads(answer.out.splitlines()[-1])
    assert trained["event"] == "trained" and Path(trained["weights"]).exists()
    assert trained["held_out"]["squared_error"] > 0
    for number in (0, 1):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        imageio.write(from_numpy(pixels), Path(f"{number}.png"))
    return "vae"


def test_a_trained_model_generates_interpolates_and_explains(call, model: str) -> None:
    assert call("generate", model, "--count", "9", "--out", "grid.png").code == 0
    assert call("generate", model, "--count", "9", "--out", "same.png").code == 0
    assert Path("grid.png").read_bytes() == Path("same.png").read_bytes()
    assert imageio.read(Path("grid.png")).width == imageio.read(Path("grid.png")).height
    assert call("interpolate", model, "0.png", "1.png", "--steps", "5", "--out", "strip.png").out == "strip.png\n"
    strip = imageio.read(Path("strip.png"))
    assert strip.width > 4 * strip.height
    answer = call("explain", model, "0.png", "--json", "--out", "rows.png")
    found = [json.loads(line) for line in answer.out.splitlines()]
    assert sorted(line["latent"] for line in found) == [0, 1, 2] and found[0]["deviation"] >= found[1]["deviation"]
    assert call("explain", model, "0.png", "--images", "digits", "--out", "top.png").code == 0
    assert imageio.read(Path("top.png")).height > 100


def test_a_finished_model_is_not_replaced(call, model: str) -> None:
    before = Path(model, "autoencoder-variational.safetensors").read_bytes()
    answer = call("train", "autoencoder", "digits", "--kind", "variational", "--epochs", "1", "--out", model)
    assert answer.code == 2 and "already contains a trained autoencoder" in answer.err
    assert Path(model, "autoencoder-variational.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (("generate", "a.dlf", "--out", "x.png"), 4, "is not the weights file of an autoencoder"),
        (("generate", "nowhere.safetensors", "--out", "x.png"), 4, "no such weights file"),
        (("generate", ".", "--out", "x.png"), 4, "contains 0 autoencoders"),
        (("train", "autoencoder", "nowhere", "--out", "run"), 2, "no such file or folder"),
        (("train", "autoencoder", "digits", "--layers", "a", "--out", "run"), 2, "--layers must be whole numbers"),
        (
            ("train", "autoencoder", "digits", "--code", "0", "--out", "run"),
            2,
            "--code must be between 1 and 1,024",
        ),
        (("train", "--out", "run", "autoencoder"), 2, "autoencoder comes before all options"),
    ],
)
def test_mistakes_are_explained(call, words, code: int, problem: str) -> None:
    answer = call(*words)
    assert answer.code == code and problem in answer.err
