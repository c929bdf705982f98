"""A device or precision that is not here is named; none that was asked for is replaced in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from denoiser import denoise_folder, imageio
from denoiser.batch.manifest import FOLDER, lines_from
from denoiser.errors import MissingDevice
from denoiser.options import DenoiseOptions

Maker = Callable[..., Path]


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_here_ends_the_call_by_name(
    folder: Path, make_picture: Maker, tiny_weights: Path, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    make_picture("imgs/a.png")
    with pytest.raises(MissingDevice) as refused:
        denoise_folder("imgs", "clean", DenoiseOptions(model=str(tiny_weights), device=device))
    assert refused.value.exit_code == 4 and "--device auto" in refused.value.hint
    assert not Path("clean").exists()


def test_a_run_that_began_on_a_device_that_is_gone_goes_on_with_its_weights(
    folder: Path, make_picture: Maker, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    make_picture("imgs/a.png")
    options = DenoiseOptions(model=str(tiny_weights))
    assert denoise_folder("imgs", "clean", options).done == 1
    (file,) = (Path("clean") / FOLDER).iterdir()
    file.write_bytes(file.read_bytes().replace(b'"device":"cpu"', b'"device":"cuda"'))  # as on another machine
    make_picture("imgs/b.png")
    report = denoise_folder("imgs", "clean", options)
    assert (report.done, report.already_there, report.exit_code) == (1, 1, 0)
    lines = [line for file in (Path("clean") / FOLDER).iterdir() for _, line in lines_from(file)]
    assert sorted(line["device"] for line in lines if line["state"] == "run") == ["cpu", "cuda"]


def test_where_the_device_has_no_memory_the_file_is_named_and_the_others_are_clean(
    folder: Path, make_picture: Maker, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from denoiser.engine.session import Session

    clean = Session.clean

    def no_room_for_a_large_one(self, image, **words):
        if image.width > 100:
            raise MemoryError
        return clean(self, image, **words)

    monkeypatch.setattr(Session, "clean", no_room_for_a_large_one)
    make_picture("imgs/large.png", 120)
    make_picture("imgs/small.png", 24)
    report = denoise_folder("imgs", "clean", DenoiseOptions(model=str(tiny_weights), device="cpu"))
    (failure,) = report.failures
    assert failure.source.name == "large.png" and "out of memory" in failure.error.message
    assert imageio.read(Path("clean/small.png")).width == 24 and not Path("clean/large.png").exists()
