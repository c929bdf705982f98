"""Settings of single files: masks and sidecars, in plans, outputs, records and later runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.batch import Plan, Report, Settings, carry_out, make_plan, plan_folder
from denoiser.batch.file_settings import NO_MASK, FileSettings, mask_beside, sidecar_of
from denoiser.batch.plan import refuse_surprises
from denoiser.errors import OtherOptions, UsageError
from denoiser.image import from_numpy
from denoiser.options import BatchOptions, DenoiseOptions, EncodeOptions, WriteOptions

Maker = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("nothing_is_left")


@pytest.fixture
def denoise(tiny_weights: Path) -> DenoiseOptions:
    return DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", noise_level=30)


@pytest.fixture
def photos(tmp_path: Path, make_picture: Maker) -> Path:
    """Two photos of 24 x 24 pixels, one of them in a subfolder."""
    make_picture(tmp_path / "in" / "a.png")
    make_picture(tmp_path / "in" / "sub" / "b.png")
    return tmp_path / "in"


def draw(path: Path, *, size: tuple[int, int] = (24, 24), black: int = 10) -> Path:
    """A mask whose first columns are black."""
    values = np.full(size, 255, np.uint8)
    values[:, :black] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    imageio.write(from_numpy(values), path)
    return path


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def pixels(path: Path) -> np.ndarray:
    return imageio.read(path).pixels


def run(photos: Path, out: Path, settings: Settings) -> tuple[Plan, Report]:
    plan = plan_folder(photos, out, settings)
    refuse_surprises(plan, settings)
    return plan, carry_out(plan, settings)


def masked(denoise: DenoiseOptions, mask: Path, **words: object) -> Settings:
    return Settings(denoise, batch=BatchOptions(mask=str(mask), **words))


def test_a_folder_of_masks_mirrors_the_photos(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    draw(tmp_path / "masks" / "a.png.png")
    draw(tmp_path / "masks" / "a.png", black=2)  # the name with both suffixes has precedence
    draw(tmp_path / "masks" / "sub" / "b.png", black=4)
    settings = masked(denoise, tmp_path / "masks")
    assert run(photos, tmp_path / "out", settings)[1].done == 2
    assert run(photos, tmp_path / "plain", Settings(denoise))[1].done == 2
    for name, black in (("a.png", 10), ("sub/b.png", 4)):
        source, made, plain = (pixels(folder / name) for folder in (photos, tmp_path / "out", tmp_path / "plain"))
        assert np.array_equal(made[:, :black], source[:, :black])
        assert np.array_equal(made[:, black:], plain[:, black:])
        assert not np.array_equal(plain[:, :black], source[:, :black])
    assert len(run(photos, tmp_path / "out", settings)[0].already_there) == 2


def test_one_mask_serves_all_photos_of_its_size(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    imageio.write(from_numpy(np.zeros((20, 24, 3), np.uint8)), photos / "c.png")
    mask = draw(photos / "m.png")  # in the folder, but not a photo
    plan, report = run(photos, tmp_path / "out", masked(denoise, mask))
    assert report.done == 2
    [failure] = report.failures
    assert failure.source.name == "c.png"
    assert "m.png: has 24 x 24 pixels, the image 24 x 20." in failure.error.message
    assert [one.reason for one in plan.skipped if one.path == mask] == ["a mask"]


def test_a_photo_without_a_mask_is_cleaned_with_a_note(
    tmp_path: Path, photos: Path, denoise: DenoiseOptions
) -> None:
    draw(tmp_path / "masks" / "a.png")
    _, report = run(photos, tmp_path / "out", masked(denoise, tmp_path / "masks"))
    assert report.notes == ((NO_MASK, 1),)
    with pytest.raises(UsageError, match="contains no mask for any of the images"):
        make_plan(photos / "sub", tmp_path / "other", masked(denoise, tmp_path / "masks"))
    with pytest.raises(UsageError, match="no such mask"):
        make_plan(photos, tmp_path / "other", masked(denoise, tmp_path / "nothing"))


def test_an_image_is_not_its_own_mask(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    for source, out in ((photos / "a.png", tmp_path / "b.png"), (photos / "a.png", tmp_path / "out")):
        with pytest.raises(UsageError, match=r"a\.png: is the mask, and there is no other image\."):
            make_plan(source, out, masked(denoise, photos / "a.png"))


def test_a_changed_mask_is_another_option(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    mask = draw(tmp_path / "m.png")
    settings = masked(denoise, mask)
    run(photos, tmp_path / "out", settings)
    moved = mask.rename(tmp_path / "moved.png")
    assert len(run(photos, tmp_path / "out", masked(denoise, moved))[0].already_there) == 2
    draw(moved, black=3)
    with pytest.raises(OtherOptions, match="made with other options"):
        run(photos, tmp_path / "out", masked(denoise, moved))
    plan, report = run(photos, tmp_path / "out", masked(denoise, moved, overwrite=True))
    assert (len(plan.jobs), report.done) == (2, 2)
    # The same for a single file, which has no records.
    one = photos / "a.png"
    assert run(one, tmp_path / "b.png", masked(denoise, moved))[1].done == 1
    assert len(run(one, tmp_path / "b.png", masked(denoise, moved))[0].already_there) == 1
    with pytest.raises(OtherOptions):
        run(one, tmp_path / "b.png", Settings(denoise))


def test_a_crop_has_the_same_part_of_the_mask(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    settings = masked(denoise, draw(tmp_path / "m.png"), crop="4,2,16,20")
    run(photos / "a.png", tmp_path / "b.png", settings)
    made, source = pixels(tmp_path / "b.png"), pixels(photos / "a.png")[2:22, 4:20]
    assert np.array_equal(made[:, :6], source[:, :6])
    assert (made[:, 6:] != source[:, 6:]).any(axis=(0, 2)).all()


def test_a_mask_that_changes_during_the_run_fails_its_file(
    tmp_path: Path, photos: Path, denoise: DenoiseOptions
) -> None:
    settings = masked(denoise, draw(tmp_path / "m.png"))
    plan = plan_folder(photos, tmp_path / "out", settings)
    draw(tmp_path / "m.png", black=5)
    report = carry_out(plan, settings)
    assert [failure.error.message for failure in report.failures] == [
        f"{tmp_path / 'm.png'}: the mask changed while it was used."
    ] * 2


def test_a_black_mask_copies_the_file(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    run(photos, tmp_path / "out", masked(denoise, draw(tmp_path / "m.png", black=24)))
    assert (tmp_path / "out" / "a.png").read_bytes() == (photos / "a.png").read_bytes()


def with_sidecars(denoise: DenoiseOptions, *given: str) -> Settings:
    return Settings(denoise, batch=BatchOptions(sidecars=True), given=frozenset({"model", *given}))


def test_a_sidecar_has_the_settings_of_its_photo(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    write(sidecar_of(photos / "a.png"), 'strength = 0.5\nnoise_level = 12.0\nformat = "tiff"\n')
    settings = with_sidecars(denoise)
    _, report = run(photos, tmp_path / "out", settings)
    assert report.done == 2
    own = Settings(dataclasses.replace(denoise, strength=0.5, noise_level=12.0), write=WriteOptions(format="tiff"))
    run(photos / "a.png", tmp_path / "own.tif", own)
    assert np.array_equal(pixels(tmp_path / "out" / "a.tif"), pixels(tmp_path / "own.tif"))
    run(photos / "sub" / "b.png", tmp_path / "b.png", Settings(denoise))
    assert np.array_equal(pixels(tmp_path / "out" / "sub" / "b.png"), pixels(tmp_path / "b.png"))
    assert len(run(photos, tmp_path / "out", settings)[0].already_there) == 2


def test_the_photo_has_the_defaults_of_the_window_for_all_other_options(photos: Path) -> None:
    write(sidecar_of(photos / "a.png"), "grain = 0.5\n")
    run_options = DenoiseOptions(strength=0.3, detail=0.9, tile=512, device="cpu", model="fast")
    settings = Settings(run_options, write=WriteOptions(quality=50), batch=BatchOptions(sidecars=True))
    own = FileSettings(settings)(photos / "a.png", Path("a.png"))
    assert own is not None
    assert own.denoise == DenoiseOptions(grain=0.5, tile=512, device="cpu", model="fast")
    assert own.write == WriteOptions()


def test_flags_win_over_sidecars(photos: Path) -> None:
    write(sidecar_of(photos / "a.png"), "strength = 0.5\ndetail = 0.25\nquality = 50\n")
    given = frozenset({"strength", "quality"})
    settings = Settings(
        DenoiseOptions(strength=0.9),
        write=WriteOptions(quality=80),
        batch=BatchOptions(sidecars=True),
        given=given,
    )
    own = FileSettings(settings)(photos / "a.png", Path("a.png"))
    assert own is not None
    assert (own.denoise.strength, own.denoise.detail, own.write.quality) == (0.9, 0.25, 80)


def test_an_invalid_sidecar_fails_its_photo_by_name(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    write(sidecar_of(photos / "a.png"), "strength = 7\n")
    _, report = run(photos, tmp_path / "out", with_sidecars(denoise))
    assert report.done == 1
    [failure] = report.failures
    assert failure.source == photos / "a.png"
    assert failure.error.message.startswith(f"{photos / 'a.png'}: the settings beside it are invalid: ")
    assert "strength must be between 0 and 1" in failure.error.message
    assert failure.error.hint == "Fix or remove a.png.denoise.toml, or leave out --sidecars."


def test_a_changed_sidecar_is_another_option(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    sidecar = write(sidecar_of(photos / "a.png"), "strength = 0.5\n")
    run(photos, tmp_path / "out", with_sidecars(denoise))
    write(sidecar, "strength = 0.6\n")
    plan = plan_folder(photos, tmp_path / "out", with_sidecars(denoise))
    assert [job.source.name for job, error in plan.blocked if isinstance(error, OtherOptions)] == ["a.png"]
    assert [job.source.name for job in plan.already_there] == ["b.png"]


def test_the_mask_beside_a_photo_applies_too_and_is_no_photo(
    tmp_path: Path, photos: Path, denoise: DenoiseOptions
) -> None:
    draw(mask_beside(photos / "a.png"))
    plan, report = run(photos, tmp_path / "out", with_sidecars(denoise))
    assert [job.source.name for job in plan.jobs] == ["a.png", "b.png"]
    assert report.done == 2 and not report.notes
    made, source = pixels(tmp_path / "out" / "a.png"), pixels(photos / "a.png")
    assert np.array_equal(made[:, :10], source[:, :10]) and not np.array_equal(made, source)
    # --mask replaces it.
    settings = dataclasses.replace(
        with_sidecars(denoise), batch=BatchOptions(sidecars=True, mask=str(draw(tmp_path / "m.png", black=2)))
    )
    run(photos, tmp_path / "other", settings)
    assert not np.array_equal(pixels(tmp_path / "other" / "a.png")[:, 2:10], source[:, 2:10])


def test_a_sidecar_can_name_another_model(tmp_path: Path, photos: Path, denoise: DenoiseOptions) -> None:
    write(sidecar_of(photos / "a.png"), 'model = "fast"\nnoise_level = 30.0\n')
    settings = Settings(denoise, batch=BatchOptions(sidecars=True))
    _, report = run(photos, tmp_path / "out", settings)
    assert report.done == 2
    expected = dataclasses.replace(denoise, model="fast")
    run(photos / "a.png", tmp_path / "a.png", Settings(expected))
    assert np.array_equal(pixels(tmp_path / "out" / "a.png"), pixels(tmp_path / "a.png"))
    assert len(run(photos, tmp_path / "out", settings)[0].already_there) == 2
    write(sidecar_of(photos / "a.png"), 'model = "absent"\n')
    plan = plan_folder(photos, tmp_path / "out", settings)
    assert [(job.source.name, "absent" in error.message) for job, error in plan.blocked] == [("a.png", True)]


@pytest.mark.parametrize("batch", [BatchOptions(mask="m.png"), BatchOptions(sidecars=True)])
def test_encoding_and_stores_refuse_them(tmp_path: Path, photos: Path, batch: BatchOptions) -> None:
    with pytest.raises(UsageError, match="applies to cleaning only"):
        make_plan(photos, tmp_path / "out", Settings(batch=batch, encode=EncodeOptions()))
    with pytest.raises(UsageError, match="does not work with URLs"):
        make_plan("s3://bucket/photos", tmp_path / "out", Settings(batch=batch))
