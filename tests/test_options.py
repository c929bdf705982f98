"""Every option has its range, its help and its type; what lies outside is refused with a sentence."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
from typing import Any, get_type_hints

import numpy as np
import pytest

from denoiser import options
from denoiser.errors import UsageError
from denoiser.options import (
    BatchOptions,
    Control,
    DecodeOptions,
    DenoiseOptions,
    EncodeOptions,
    EstimatorOptions,
    Look,
    ReadOptions,
    TrainOptions,
    WriteOptions,
)

CLASSES = [
    value
    for value in vars(options).values()
    if inspect.isclass(value) and dataclasses.is_dataclass(value) and value not in (Control, Look)
]
CONTROLS = [(kind, name, control) for kind in CLASSES for name, control in options.controls(kind).items()]
NUMERIC = [(kind, name, control) for kind, name, control in CONTROLS if control.minimum is not None]
NAMES = [f"{kind.__name__}.{name}" for kind, name, _ in CONTROLS]
NUMERIC_NAMES = [f"{kind.__name__}.{name}" for kind, name, _ in NUMERIC]


def refusal(kind: type[Any], /, **values: Any) -> str:
    with pytest.raises(UsageError) as caught:
        kind(**values)
    return caught.value.message


def test_all_classes_are_looked_at() -> None:
    named = {BatchOptions, DecodeOptions, DenoiseOptions, EncodeOptions, EstimatorOptions}
    named |= {ReadOptions, TrainOptions, WriteOptions}
    assert named <= set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_options_are_frozen_values_with_defaults(kind: type[Any]) -> None:
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind(), dataclasses.fields(kind)[0].name, 1)


@pytest.mark.parametrize(("kind", "name", "control"), CONTROLS, ids=NAMES)
def test_a_control_has_help_and_fits_its_default(kind: type[Any], name: str, control: Control) -> None:
    assert control.help.endswith(".")
    assert len(control.help) <= 100
    default = getattr(kind(), name)
    assert (default is None) <= control.automatic, "None stands for auto, where there is one"
    if control.choices:
        assert default is None or default in control.choices
    assert (control.minimum is None) == (control.maximum is None), "a slider has two ends"


@pytest.mark.parametrize(("kind", "name", "control"), NUMERIC, ids=NUMERIC_NAMES)
def test_ranges_include_their_ends_and_nothing_beyond(kind: type[Any], name: str, control: Control) -> None:
    assert control.minimum is not None
    assert control.maximum is not None
    for value in (control.minimum, control.maximum):
        assert getattr(kind(**{name: value}), name) == value
    step = 1 if isinstance(control.minimum, int) else 1e-9 * (1 + control.maximum)
    for value in (control.minimum - step, control.maximum + step):
        assert refusal(kind, **{name: value}).startswith(f"{name.replace('_', '-')} must be between")


@pytest.mark.parametrize(("kind", "name", "control"), NUMERIC, ids=NUMERIC_NAMES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_in_no_range(kind: type[Any], name: str, control: Control, value: float) -> None:
    assert name.replace("_", "-") in refusal(kind, **{name: value})


@pytest.mark.parametrize(("kind", "name", "control"), CONTROLS, ids=NAMES)
def test_wrong_types_are_refused(kind: type[Any], name: str, control: Control) -> None:
    default = getattr(kind(), name)
    wrong: list[Any] = [[], {}, b"auto", object(), 1j]
    wrong += [True] if not isinstance(default, bool) else [1, 0, "no"]
    wrong += ["1"] if control.minimum is not None else [5]
    for value in wrong:
        assert name.replace("_", "-") in refusal(kind, **{name: value})


@pytest.mark.parametrize(("kind", "name", "control"), CONTROLS, ids=NAMES)
def test_none_is_auto_or_refused(kind: type[Any], name: str, control: Control) -> None:
    if control.automatic:
        assert getattr(kind(**{name: None}), name) is None
    else:
        assert refusal(kind, **{name: None}) == f"{name.replace('_', '-')} must not be None."


def test_whole_numbers_are_whole() -> None:
    assert refusal(WriteOptions, quality=90.5) == "quality must be a whole number, not 90.5."
    assert refusal(ReadOptions, max_pixels=1e6) == "max-pixels must be a whole number, not 1000000.0."
    assert DenoiseOptions(noise_level=25).noise_level == 25, "a whole number is a number"


def test_numbers_of_numpy_are_numbers() -> None:
    assert DenoiseOptions(noise_level=np.float32(2.5)).noise_level == 2.5
    assert WriteOptions(quality=np.int64(90)).quality == 90


def test_refusals_are_sentences_for_people() -> None:
    assert refusal(DenoiseOptions, strength=1.5) == "strength must be between 0 and 1, not 1.5."
    assert refusal(DenoiseOptions, device="gpu") == "device must be one of auto, cpu, cuda, mps, not 'gpu'."
    assert refusal(DenoiseOptions, model=3) == "model must be text, not 3."
    assert refusal(ReadOptions, max_pixels=0) == "max-pixels must be between 1 and 1,099,511,627,776, not 0."


def test_words_that_stand_for_numbers_are_checked_with_an_example() -> None:
    assert options.shard_of(BatchOptions(shard="2/8")) == (2, 8) and options.shard_of(BatchOptions()) is None
    assert options.crop_of(BatchOptions(crop="0,5,640,480")) == (0, 5, 640, 480)
    assert options.crop_of(BatchOptions()) is None
    for wrong in ("9/8", "0/8", "2", "2/0", "a/b", "2/8/9", "-1/2"):
        assert "for example 2/8" in refusal(BatchOptions, shard=wrong)
    for wrong in ("1,2,3", "0,0,0,5", "-1,0,5,5", "a,b,c,d", "1.5,0,5,5"):
        assert "for example 0,0,640,480" in refusal(BatchOptions, crop=wrong)
    assert ".csv or .json" in refusal(BatchOptions, report="report.txt")
    assert BatchOptions(report="r.CSV").report == "r.CSV"


def test_replacing_a_value_checks_it_again() -> None:
    with pytest.raises(UsageError):
        dataclasses.replace(DenoiseOptions(), strength=2.0)


def test_a_region_is_a_rectangle_in_pixels() -> None:
    assert options.region_of(DecodeOptions(region="3,5,640,480")) == (3, 5, 640, 480)
    assert options.region_of(DecodeOptions()) is None
    for wrong in ("1,2,3", "0,0,0,5", "-1,0,5,5"):
        assert refusal(DecodeOptions, region=wrong).startswith("region must be x,y,width,height in whole pixels")


def test_a_file_has_one_aim() -> None:
    aims: dict[str, Any] = {"quality": 0, "bpp": 1.0, "target_size": 1000, "min_psnr": 40.0, "lossless": True}
    for (first, value), (second, other) in itertools.combinations(aims.items(), 2):
        words = f"Choose only one of {first} and {second}.".replace("_", "-")
        assert refusal(EncodeOptions, **{first: value, second: other}) == words
        EncodeOptions(**{first: value})


@pytest.mark.parametrize("noise", [None, 15.0])
def test_what_keeps_the_picture_does_not_change_it(noise: float | None) -> None:
    assert "lossless keeps every pixel" in refusal(EncodeOptions, lossless=True, denoise=noise)
    assert "min-psnr measures against the noisy image" in refusal(EncodeOptions, min_psnr=40.0, denoise=noise)
    EncodeOptions(bpp=1.0, denoise=noise)


# --- as keywords of the Python calls ------------------------------------------------------------------------------

KEYWORDS = {
    DecodeOptions: options.DecodeKeywords,
    DenoiseOptions: options.DenoiseKeywords,
    EncodeOptions: options.EncodeKeywords,
    ReadOptions: options.ReadKeywords,
    WriteOptions: options.WriteKeywords,
}


@pytest.mark.parametrize("kind", list(KEYWORDS), ids=lambda kind: kind.__name__)
def test_the_keywords_are_the_fields_with_their_types(kind: type[Any]) -> None:
    keywords = KEYWORDS[kind]
    assert get_type_hints(keywords) == get_type_hints(kind)
    assert keywords.__required_keys__ == frozenset()


def test_options_are_given_once() -> None:
    given = DenoiseOptions(strength=0.5)
    assert options.options_of(DenoiseOptions, given, {}) is given
    assert options.options_of(DenoiseOptions, None, {"strength": 0.5}) == given
    assert options.options_of(DenoiseOptions, None, {}) == DenoiseOptions()


@pytest.mark.parametrize(
    ("given", "keywords", "message", "hint"),
    [
        (DenoiseOptions(), {"strength": 1.0}, "Both options and strength were given", "replace"),
        (None, {"sigma": 25}, "'sigma' is not an option", "noise_level, strength"),
        (DenoiseOptions(), {"sigma": 25}, "'sigma' is not an option", "noise_level, strength"),
        (EncodeOptions(), {}, "must be DenoiseOptions, not EncodeOptions", "denoiser.DenoiseOptions"),
        (25, {}, "must be DenoiseOptions, not int", "noise_level="),
    ],
)
def test_what_is_said_twice_or_is_unknown_is_refused(given: Any, keywords: Any, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        options.options_of(DenoiseOptions, given, keywords)
    assert hint in caught.value.hint
