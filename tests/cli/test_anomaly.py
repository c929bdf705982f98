"""`denoise anomaly`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.image import from_numpy

pytest.importorskip("sklearn")


@pytest.fixture
def folders(tmp_path: Path) -> None:
    """Twelve good images of noise in good; another one in imgs, and the same with a spot."""
    rng = np.random.default_rng(0)
    images = [rng.normal(120, 10, (32, 32, 3)).round().astype(np.uint8) for _ in range(13)]
    for number, image in enumerate(images[:12]):
        imageio.write(from_numpy(image), tmp_path / "good" / f"{number}.png")
    image = images[12]
    imageio.write(from_numpy(image), tmp_path / "imgs" / "fine.png")
    image[10:16, 10:16] = 255, 0, 0
    imageio.write(from_numpy(image), tmp_path / "imgs" / "spot.png")


@pytest.fixture
def model(call, folders) -> str:
    answer = call("anomaly", "train", "good", "--out", "m", "--method", "patches")
    assert (answer.code, answer.out) == (0, "m.safetensors\n")
    assert "Learned from 12 good images, by patches." in answer.err
    return "m"


def test_a_report_of_images(call, model: str) -> None:
    answer = call("anomaly", "imgs", "--model", model, "--out", "report")
    assert (answer.code, answer.out) == (0, "report/report.html\n")
    assert "1 of 2 images are anomalies." in answer.err
    assert "held-out good images exceed it." in answer.err
    rows = Path("report/scores.csv").read_text().splitlines()
    assert rows[1].startswith("1,imgs/spot.png,") and rows[2].startswith("2,imgs/fine.png,")


def test_json_has_a_line_for_each_image(call, model: str) -> None:
    answer = call("anomaly", "imgs", "--model", model, "--out", "report", "--json")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert [line["event"] for line in lines] == ["image", "image", "report"]
    assert {line["path"]: line["anomaly"] for line in lines[:2]} == {"imgs/fine.png": False, "imgs/spot.png": True}
    assert lines[2]["anomalies"] == 1 and lines[2]["images"] == 2 and lines[2]["page"] == "report/report.html"


def test_training_as_json(call, folders) -> None:
    answer = call("anomaly", "train", "good", "--out", "m", "--method", "patches", "--json")
    assert json.loads(answer.out.splitlines()[-1]) == {
        "event": "trained", "model": "m.safetensors", "method": "patches", "images": 12, "auroc": {},
    }  # fmt: skip


def test_an_unreadable_image_is_named_and_the_others_are_scored(call, model: str) -> None:
    Path("imgs/cut.png").write_bytes(Path("imgs/spot.png").read_bytes()[:60])
    answer = call("anomaly", "imgs", "--model", model, "--out", "report")
    assert answer.code == 1
    assert "imgs/cut.png" in answer.err and "1 of 2 images are anomalies, 1 unreadable." in answer.err
    assert "imgs/cut.png" in json.loads(Path("report/scores.json").read_text())["unreadable"][0]


@pytest.mark.parametrize(("flag", "value", "count"), [("--threshold", "0.01", 2), ("--threshold", "1e6", 0)])
def test_the_threshold_decides(call, model: str, flag: str, value: str, count: int) -> None:
    answer = call("anomaly", "imgs", "--model", model, "--out", "report", flag, value)
    assert f"{count} of 2 images are anomalies." in answer.err


def test_false_alarms_as_per_cent_and_as_a_number(call, model: str) -> None:
    for number, share in enumerate(("30%", "0.3")):
        assert call("anomaly", "imgs", "--model", model, "--out", str(number), "--false-alarms", share).code == 0
    one, two = (json.loads(Path(name, "scores.json").read_text()) for name in ("0", "1"))
    assert one["threshold"] == two["threshold"]
    assert one["false_alarms"] == 0.25, "one of the four held-out images"


def test_a_denoiser_is_no_model(call, folders, tiny_weights: Path) -> None:
    answer = call("anomaly", "imgs", "--model", tiny_weights, "--out", "report")
    assert answer.code == 4
    assert "is a denoiser, not a model of `denoise anomaly train`." in answer.err
    assert not Path("report").exists()
