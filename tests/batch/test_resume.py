"""Resumed runs process what has changed, and report why."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from denoiser import denoise_folder
from denoiser.batch import Plan, Settings, make_plan, plan_folder
from denoiser.batch.manifest import FOLDER, Manifest
from denoiser.engine import opening
from denoiser.engine.verdict import Verdict
from denoiser.errors import ForeignOutput, OtherOptions, Refused, UnsafeOutput
from denoiser.options import BatchOptions, DenoiseOptions, WriteOptions

Maker = Callable[..., Path]


@pytest.fixture
def options(tiny_weights: Path) -> DenoiseOptions:
    return DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")


@pytest.fixture
def done(tmp_path: Path, make_picture: Maker, options: DenoiseOptions, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which everything is done."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "sub/b.jpg"):
        make_picture(Path("in") / name)
    assert denoise_folder("in", "out", options).done == 2
    return tmp_path


def why(plan: Plan) -> dict[str, str]:
    return {job.name: job.again for job in plan.jobs}


def test_nothing_is_left_and_no_header_is_read(done: Path, options, monkeypatch: pytest.MonkeyPatch) -> None:
    from denoiser import imageio

    def never(_path: Path) -> None:
        raise AssertionError("a header was read that the records tell")

    monkeypatch.setattr(imageio, "probe", never, raising=False)
    plan = plan_folder("in", "out", Settings(options))
    assert plan.jobs == () and [job.name for job in plan.already_there] == ["a.png", "sub/b.jpg"]
    assert all(job.record is not None and job.megapixels > 0 for job in plan.already_there)


@pytest.mark.parametrize(("write", "strength"), [(WriteOptions(), 0.5), (WriteOptions(strip=True), 1.0)])
def test_other_options_are_refused_and_overwrite_replaces(done: Path, options, write, strength: float) -> None:
    other = dataclasses.replace(options, strength=strength)
    before = {path: path.read_bytes() for path in Path("out").rglob("*.*") if path.is_file()}
    plan = plan_folder("in", "out", Settings(other, write=write))
    assert plan.jobs == () and all(isinstance(error, OtherOptions) for _, error in plan.blocked)
    with pytest.raises(
        OtherOptions, match=r"out/a\.png: was made with other options\. The same holds for 1 more\."
    ):
        denoise_folder("in", "out", other, write=write)
    assert {path: path.read_bytes() for path in Path("out").rglob("*.*") if path.is_file()} == before
    overwrite = BatchOptions(overwrite=True)
    assert set(why(plan_folder("in", "out", Settings(other, write=write, batch=overwrite))).values()) == {
        "--overwrite"
    }
    report = denoise_folder("in", "out", other, write=write, batch=overwrite)
    assert (report.done, report.failures) == (2, ())
    assert denoise_folder("in", "out", other, write=write).already_there == 2
    with pytest.raises(OtherOptions):
        denoise_folder("in", "out", options)


@pytest.mark.parametrize(("first", "then"), [("int8", "fp32"), ("fp32", "int8")])
def test_the_precision_of_the_first_run_is_kept(
    tmp_path: Path, make_picture: Maker, monkeypatch: pytest.MonkeyPatch, first: str, then: str
) -> None:
    """A run that continues with "auto" takes it, even if "auto" is another by then."""
    now = first
    monkeypatch.setattr(opening, "stored_verdict", lambda _entry: Verdict(True, now, "for the test"))
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        make_picture(Path("in") / name)
    options = DenoiseOptions(model="fast", device="cpu", noise_level=30)
    assert denoise_folder("in", "out", options).done == 2
    before = Path("out/a.png").read_bytes()
    Path("out/a.png").unlink()
    now = then
    plan = plan_folder("in", "out", Settings(options))
    assert plan.choice is not None and plan.choice.kept["precision"] == first and len(plan.jobs) == 1
    report = denoise_folder("in", "out", options)
    assert (report.done, report.already_there) == (1, 1)
    assert Path("out/a.png").read_bytes() == before


def test_an_interrupted_replacement_goes_on_without_overwrite(done: Path, options) -> None:
    other = dataclasses.replace(options, strength=0.5)
    choice = plan_folder("in", "out", Settings(other)).choice
    assert choice is not None
    manifest = Manifest(Path("out"), Settings(other, batch=BatchOptions(overwrite=True)))
    manifest.start(choice.digest, {})  # a run that is stopped before the first file
    manifest.close({})
    assert why(plan_folder("in", "out", Settings(other))) == dict.fromkeys(
        ("a.png", "sub/b.jpg"), "made with other options"
    )
    assert denoise_folder("in", "out", other).done == 2
    with pytest.raises(OtherOptions):  # and not back again
        denoise_folder("in", "out", options)


def test_another_run_with_other_options_must_not_write_at_the_same_time(done: Path, options) -> None:
    other = Settings(dataclasses.replace(options, strength=0.5))
    manifest = Manifest(Path("out"), other)
    manifest.start("", {})
    for settings, is_refused in ((other, False), (Settings(options), True)):
        with pytest.raises(Refused, match="another run") if is_refused else nullcontext():
            make_plan("in", "out", settings)
    manifest.close({})
    assert len(make_plan("in", "out", Settings(options)).already_there) == 2


def test_other_weights_are_refused(done: Path, options, tiny_weights: Path, tmp_path: Path) -> None:
    import hashlib

    other = tmp_path / "other.safetensors"
    other.write_bytes(tiny_weights.read_bytes() + b"\0")
    card = tiny_weights.with_suffix(".toml").read_text("utf-8")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (tiny_weights, other)]
    other.with_suffix(".toml").write_text(card.replace(*digests), "utf-8")
    plan = plan_folder("in", "out", Settings(DenoiseOptions(model=str(other), device="cpu", precision="fp32")))
    assert {error.message for _, error in plan.blocked} == {
        f"out/{name}: was made with other weights." for name in ("a.png", "sub/b.jpg")
    }


def test_a_source_that_changed_is_cleaned_again_and_only_that(done: Path, make_picture: Maker, options) -> None:
    make_picture(Path("in/a.png"), side=30)
    assert why(plan_folder("in", "out", Settings(options))) == {"a.png": "the source has changed"}
    os.utime("in/sub/b.jpg", ns=(1, 1))
    assert set(why(plan_folder("in", "out", Settings(options)))) == {"a.png", "sub/b.jpg"}
    assert denoise_folder("in", "out", options).done == 2


def test_a_removed_output_is_made_again(done: Path, options) -> None:
    Path("out/a.png").unlink()
    assert why(plan_folder("in", "out", Settings(options))) == {"a.png": "the output is missing"}


def test_an_output_that_was_changed_is_kept_and_named(done: Path, options) -> None:
    Path("out/a.png").write_bytes(b"painted by hand")
    report = denoise_folder("in", "out", options)
    (failure,) = report.failures
    assert isinstance(failure.error, ForeignOutput) and "was modified after it was written" in failure.error.message
    assert (report.exit_code, report.already_there) == (5, 1)
    assert Path("out/a.png").read_bytes() == b"painted by hand"
    assert denoise_folder("in", "out", options, batch=BatchOptions(overwrite=True)).done == 2


def test_without_records_nothing_is_replaced(done: Path, options) -> None:
    before = {path.name: path.read_bytes() for path in Path("out").rglob("*.*g")}
    for file in (Path("out") / FOLDER).iterdir():
        file.unlink()
    report = denoise_folder("in", "out", options)
    assert (report.done, len(report.failures), report.exit_code) == (0, 2, 5)
    assert {path.name: path.read_bytes() for path in Path("out").rglob("*.*g")} == before


def test_outputs_written_just_before_a_kill_are_replaced(done: Path, options) -> None:
    """Killed between the rename and the line that says so."""
    (file,) = (Path("out") / FOLDER).iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(line for line in lines if b'"state":"begun"' in line or b'"state":"run"' in line))
    plan = plan_folder("in", "out", Settings(options))
    assert set(why(plan).values()) == {"an earlier run did not finish it"} and all(job.suspect for job in plan.jobs)
    os.utime("out/a.png", ns=(1, 1))  # and one that somebody put there since is not
    ((job, error),) = plan_folder("in", "out", Settings(options)).blocked
    assert job.name == "a.png" and isinstance(error, ForeignOutput)


def test_the_output_of_another_image_is_not_replaced(done: Path, make_picture: Maker, options) -> None:
    """a.png was cleaned on Monday; on Tuesday somebody cleans another a.png, or a.bmp, into the same folder."""
    before = Path("out/a.png").read_bytes()
    make_picture(Path("other/a.png"), side=30)
    report = denoise_folder("other", "out", options)
    (failure,) = report.failures
    assert isinstance(failure.error, UnsafeOutput) and report.exit_code == 5
    assert failure.error.message == "other/a.png would be written to out/a.png, which was made from in/a.png."
    assert Path("out/a.png").read_bytes() == before
    assert denoise_folder("in", "out", options).already_there == 2
    assert denoise_folder("other", "out", options, batch=BatchOptions(overwrite=True)).done == 1


@pytest.mark.parametrize("is_link", [False, True])
def test_a_source_that_moved_or_is_reached_by_another_name_is_no_other(
    done: Path, options, make_picture: Maker, is_link: bool
) -> None:
    make_picture(Path("in/a.png"), side=30)
    if is_link:
        Path("link").symlink_to("in", target_is_directory=True)
    else:
        Path("in").rename("link")
    plan = plan_folder("link", "out", Settings(options))
    assert why(plan) == {"a.png": "the source has changed"} and plan.blocked == ()


def test_verify_compares_every_byte(done: Path, options) -> None:
    verify = Settings(options, batch=BatchOptions(verify=True))
    assert why(plan_folder("in", "out", verify)) == {}
    reasons = {"out/a.png": "the output was modified", "in/sub/b.jpg": "the content of the source"}
    for path, reason in reasons.items():
        stamp = os.stat(path)
        data = bytearray(Path(path).read_bytes())
        data[-1] ^= 1
        Path(path).write_bytes(data)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert why(plan_folder("in", "out", Settings(options))) == {}  # nothing to be seen at a glance
        assert any(word.startswith(reason) for word in why(plan_folder("in", "out", verify)).values())


def test_both_folders_can_move_together(done: Path, options, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("elsewhere").mkdir()
    for name in ("in", "out"):
        Path(name).rename(Path("elsewhere") / name)
    monkeypatch.chdir("elsewhere")
    plan = plan_folder("in", Path("out").absolute(), Settings(options))
    assert plan.jobs == () and len(plan.already_there) == 2


def test_a_failed_file_is_tried_again(done: Path, make_picture: Maker, options) -> None:
    whole = make_picture(Path("in/c.png")).read_bytes()
    Path("in/c.png").write_bytes(whole[:-30])
    assert denoise_folder("in", "out", options).exit_code == 1
    assert denoise_folder("in", "out", options).exit_code == 1
    Path("in/c.png").write_bytes(whole)
    report = denoise_folder("in", "out", options)
    assert (report.done, report.already_there, report.exit_code) == (1, 2, 0)


def test_a_single_output_has_no_records_and_needs_overwrite_for_other_options(done: Path, options) -> None:
    assert denoise_folder("in/a.png", "one.png", options).done == 1
    assert sorted(os.listdir()) == ["in", "one.png", "out", "weights"]
    assert denoise_folder("in/a.png", "one.png", options).already_there == 1
    with pytest.raises(OtherOptions):
        denoise_folder("in/a.png", "one.png", dataclasses.replace(options, strength=0.5))
    assert denoise_folder("in/a.png", "one.png", options, batch=BatchOptions(overwrite=True)).done == 1
