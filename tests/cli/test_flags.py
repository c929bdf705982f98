"""Flags are generated from the options classes."""

from __future__ import annotations

from typing import Any

import click
import pytest

from denoiser.options import BatchOptions, DenoiseOptions, EncodeOptions, ReadOptions, WriteOptions, controls
from denoiser_cli.commands.clean import command as clean
from denoiser_cli.flags import ExampleCommand, OutputMode, collect, option_flags


def parse(*words: str) -> dict[str, Any]:
    context = clean.make_context("clean", list(words), obj=OutputMode())
    return dict(context.params)


@pytest.mark.parametrize("options", [BatchOptions, DenoiseOptions, ReadOptions, WriteOptions])
def test_every_control_is_a_flag_with_its_help_and_default(options: type[Any]) -> None:
    flags = {parameter.name: parameter for parameter in clean.params}
    for name, control in controls(options).items():
        flag = flags[name]
        names = ["-" + control.short, f"--{name.replace('_', '-')}", "--" + control.alias]
        assert flag.opts == [word for word in names if word.strip("-")]
        assert isinstance(flag, click.Option) and flag.help is not None and control.help.rstrip(".") in flag.help


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["-Q", "80"], EncodeOptions(quality=80)),
        (["--quality", "auto", "--denoise", "off"], EncodeOptions()),
        (["--denoise", "auto"], EncodeOptions(denoise=None)),
        (["--denoise", "12.5", "--bpp", "1"], EncodeOptions(denoise=12.5, bpp=1.0)),
        (["--target-size", "300k"], EncodeOptions(target_size=300_000)),
        (["--target-size", "1.5 MiB"], EncodeOptions(target_size=1_572_864)),
        (["--target-size", "2MB"], EncodeOptions(target_size=2_000_000)),
        (["--target-size", "1234"], EncodeOptions(target_size=1234)),
    ],
)
def test_letters_words_for_nothing_and_sizes(words: list[str], options: EncodeOptions) -> None:
    @click.command(cls=ExampleCommand)
    @option_flags(EncodeOptions, section="All")
    def encode(**_words: Any) -> None: ...

    with encode.make_context("encode", words) as context:
        assert collect(EncodeOptions, context.params) == options


@pytest.mark.parametrize("size", ["many", "3X", "-1", "1e3", "3i", "k"])
def test_what_is_no_size_is_refused_with_examples(size: str) -> None:
    @click.command(cls=ExampleCommand)
    @option_flags(EncodeOptions, section="All", only=("target_size",))
    def encode(**_words: Any) -> None: ...

    with pytest.raises(click.UsageError, match=r"is not a size such as 300k, 2M or 1\.5MiB"):
        encode.make_context("encode", [f"--target-size={size}"])


@pytest.mark.parametrize("options", [BatchOptions, DenoiseOptions, ReadOptions, WriteOptions])
def test_no_flag_gives_the_defaults_of_the_library(options: type[Any]) -> None:
    assert collect(options, parse()) == options()


def test_values_arrive_in_their_kind() -> None:
    words = parse("--noise-level", "12.5", "--strength", "0.25", "--device", "cpu", "--model", "fast")
    assert collect(DenoiseOptions, words) == DenoiseOptions(
        noise_level=12.5, strength=0.25, device="cpu", model="fast"
    )
    words = parse("--format", "tiff", "--quality", "80", "--strip")
    assert collect(WriteOptions, words) == WriteOptions(format="tiff", quality=80, strip=True)
    assert collect(ReadOptions, parse("--max-pixels", "1000")) == ReadOptions(max_pixels=1000)


def test_auto_is_none_where_none_is_automatic() -> None:
    assert [parse("--format", word)["format"] for word in ("jpg", "tif")] == ["jpeg", "tiff"]
    words = parse("--noise-level", "auto", "--format", "auto", "--quality", "auto", "--device", "auto")
    assert collect(DenoiseOptions, words) == DenoiseOptions()
    assert collect(WriteOptions, words) == WriteOptions()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--noise-level", "much"], "'much' is not a number or auto"),
        (["--quality", "9.5"], "'9.5' is not a whole number or auto"),
        (["--max-pixels", "auto"], "'auto' is not a whole number."),
        (["--device", "tpu"], "'tpu' is not one of"),
    ],
)
def test_wrong_words_are_refused_by_click(words: list[str], message: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        parse(*words)
    assert message in refused.value.format_message()


@pytest.mark.parametrize("value", ["-1", "76", "nan", "inf"])
def test_ranges_are_those_of_the_library(value: str) -> None:
    context = clean.make_context("clean", ["--noise-level", value], obj=OutputMode())
    with context, pytest.raises(click.UsageError, match=r"--noise-level must be between 0 and 75"):
        collect(DenoiseOptions, dict(context.params))


def test_only_some_of_the_controls() -> None:
    @click.command(cls=ExampleCommand)
    @option_flags(DenoiseOptions, section="Cleaning", only=("model", "strength"))
    def some() -> None: ...

    assert [parameter.name for parameter in some.params] == ["strength", "model"]


def test_output_options_apply_to_errors_of_other_options() -> None:
    mode = OutputMode()
    with pytest.raises(click.UsageError):
        clean.make_context("clean", ["--json", "-qv", "--device", "tpu"], obj=mode)
    assert mode == OutputMode(quiet=True, verbose=True, json=True)


def test_sections_keep_their_order_and_output_is_last() -> None:
    text = clean.get_help(click.Context(clean, info_name="clean", **clean.context_settings))
    names = ("Examples", "Files", "Cleaning", "Writing", "Reading", "Many files")
    places = [text.index(f"\n{name}:\n") for name in names]
    assert places == sorted(places)
    assert text.index("Output:") > places[-1]


@pytest.mark.parametrize(
    ("word", "guess"),
    [
        ("--output", " Did you mean '--out'?"),
        ("-o", " Did you mean '--out'?"),
        ("--sigma", " Did you mean '--noise-level'?"),
        ("--color-noise", " Did you mean '--colour-noise'?"),
        ("--gpu", " Did you mean '--device cuda'?"),
        ("--input", " Did you mean PATHS, without a flag?"),
        ("--stength", " Did you mean '--strength'?"),
        ("--no-recursiv", " Did you mean '--no-recursive'?"),
        ("--wings", ""),
    ],
)
def test_only_good_guesses_are_suggested_for_unknown_flags(word: str, guess: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        parse(word)
    assert refused.value.format_message() == f"No such option '{word}'.{guess}"


def test_only_flags_of_the_command_are_suggested() -> None:
    @click.command(cls=ExampleCommand)
    @click.option("--json", is_flag=True)
    def small(json: bool) -> None: ...

    for word in ("--sigma", "--output", "--gpu"):
        with pytest.raises(click.UsageError) as refused:
            small.make_context("small", [word])
        assert refused.value.format_message() == f"No such option '{word}'."
