"""The key of settings has the options that change outputs, and no others."""

from __future__ import annotations

import json

import pytest

from denoiser.batch import Settings
from denoiser.batch.settings import ModelChoice
from denoiser.errors import MissingDevice
from denoiser.options import BatchOptions, DenoiseOptions, ReadOptions, WriteOptions

PLAIN = Settings()


@pytest.mark.parametrize(
    "other",
    [
        Settings(DenoiseOptions(strength=0.5)),
        Settings(DenoiseOptions(noise_level=25)),
        Settings(write=WriteOptions(format="tiff")),
        Settings(write=WriteOptions(strip=True)),
        Settings(read=ReadOptions(frames="refuse")),
        Settings(batch=BatchOptions(crop="0,0,8,8")),
        Settings(batch=BatchOptions(skip_clean=2.0)),
    ],
)
def test_what_makes_another_output_makes_another_key(other: Settings) -> None:
    assert other.key != PLAIN.key and len(other.look) == 1
    assert json.loads(json.dumps(other.look)) == other.look  # it is written down


@pytest.mark.parametrize(
    "other",
    [
        Settings(DenoiseOptions(model="fast", device="cpu", precision="fp32")),
        Settings(read=ReadOptions(max_pixels=10)),
        Settings(batch=BatchOptions(jobs=3, shard="1/2", overwrite=True, recursive=False, max_errors=4)),
        Settings(batch=BatchOptions(report="r.csv", verify=True, retry_failed=True)),
    ],
)
def test_options_that_do_not_change_outputs_are_not_in_the_key(other: Settings) -> None:
    assert other.key == PLAIN.key and other.look == {}


def test_the_order_of_the_options_does_not_matter() -> None:
    one = Settings(DenoiseOptions(strength=0.5, noise_level=25.0))
    other = Settings(DenoiseOptions(noise_level=25, strength=0.5))
    assert one.key == other.key


def test_a_choice_takes_the_place_of_auto() -> None:
    choice = ModelChoice("denoiser-fast", "0", {"device": "cpu", "precision": "fp32"})
    applied = choice.applied(DenoiseOptions(strength=0.5))
    assert applied == DenoiseOptions(strength=0.5, model="denoiser-fast", device="cpu", precision="fp32")


def test_a_choice_whose_device_is_missing_is_opened_on_another() -> None:
    opened = []

    def open_worker(options: DenoiseOptions) -> str:
        opened.append(options.device)
        if options.device == "cuda":
            raise MissingDevice("no GPU")
        return options.model

    assert ModelChoice("best", "0", {"device": "cuda"}).opened(open_worker, DenoiseOptions()) == "best"
    assert opened == ["cuda", "auto"]
    with pytest.raises(MissingDevice):
        ModelChoice("best", "0").opened(open_worker, DenoiseOptions(device="cuda"))
