"""Names of outputs from a template: fields, collisions, and the same names on every run."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import ExifTags
from PIL import Image as PilImage

from denoiser.batch import Settings, carry_out, make_plan, naming
from denoiser.errors import UnsafeOutput, UsageError
from denoiser.options import BatchOptions, DenoiseOptions, WriteOptions

Maker = Callable[..., Path]


def renamed(template: str, *, flat: bool = False, **batch: bool) -> Settings:
    return Settings(batch=BatchOptions(rename=template, flat=flat, **batch))


def targets(settings: Settings, out: str = "out") -> dict[str, str]:
    plan = make_plan("in", out, settings)
    return {job.source.as_posix(): job.target.as_posix() for job in (*plan.jobs, *plan.already_there)}


@pytest.fixture
def tree(tmp_path: Path, make_picture: Maker, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.png", "in/b.jpg", "in/sub/a.png"):
        make_picture(Path(name))
    return tmp_path


def with_exif(path: Path, *, make: str, model: str, taken: str = "", iso: int = 0) -> None:
    picture = PilImage.new("RGB", (24, 24))
    exif = picture.getexif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = make, model
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    if taken:
        inner[ExifTags.Base.DateTimeOriginal] = taken
    if iso:
        inner[ExifTags.Base.ISOSpeedRatings] = iso
    picture.save(path, exif=exif)


def test_fields_come_from_the_file_and_its_header(tree: Path) -> None:
    with_exif(Path("in/b.jpg"), make="Maker", model="X/1: pro", taken="2024:05:06 07:08:09", iso=3200)
    found = targets(renamed("{date}/{time} {camera} {iso} {folder} {name}"))
    assert found["in/b.jpg"] == "out/2024-05-06/07-08-09 Maker X-1- pro 3200 in b.jpg"


def test_a_photo_without_a_date_has_that_of_its_file(tree: Path) -> None:
    os.utime("in/a.png", (1_000_000_000, 1_000_000_000))
    found = targets(renamed("{date}_{camera}_{name}"))
    assert found["in/a.png"].startswith("out/2001-09-0") and found["in/a.png"].endswith("_unknown_a.png")


def test_the_tree_is_kept_unless_it_is_flat(tree: Path) -> None:
    assert list(targets(renamed("{name}-dn")).values()) == ["out/a-dn.png", "out/b-dn.jpg", "out/sub/a-dn.png"]
    assert list(targets(renamed("{name}-dn", flat=True)).values()) == [
        "out/a-dn.png",
        "out/b-dn.jpg",
        "out/a-dn-2.png",
    ]
    assert list(targets(renamed("", flat=True)).values()) == ["out/a.png", "out/b.jpg", "out/a-2.png"]


def test_numbers_count_in_order(tree: Path) -> None:
    assert list(targets(renamed("{number}", flat=True)).values()) == [
        "out/0001.png",
        "out/0002.jpg",
        "out/0003.png",
    ]


def test_names_that_differ_in_case_only_collide(tree: Path, make_picture: Maker) -> None:
    make_picture(Path("in/sub/A.PNG"))
    found = targets(renamed("", flat=True))
    assert len({name.casefold() for name in found.values()}) == len(found) == 4


def test_the_suffix_is_that_of_the_format(tree: Path) -> None:
    settings = Settings(write=WriteOptions(format="tiff"), batch=BatchOptions(rename="{name}"))
    assert set(targets(settings).values()) == {"out/a.tif", "out/b.tif", "out/sub/a.tif"}


@pytest.mark.parametrize("template", ["{number}", "{name}"])
def test_images_keep_their_names_when_others_come(
    tree: Path, make_picture: Maker, tiny_weights: Path, template: str
) -> None:
    network = DenoiseOptions(model=str(tiny_weights), device="cpu")
    settings = Settings(network, batch=BatchOptions(rename=template, flat=True))
    first = make_plan("in", "out", settings)
    assert carry_out(first, settings).done == 3
    before = targets(settings)
    make_picture(Path("in/aa.png"))  # in the middle
    make_picture(Path("in/another/a.png"), side=30)
    second = make_plan("in", "out", settings)
    assert len(second.already_there) == 3
    assert {name: target for name, target in targets(settings).items() if name in before} == before
    new = [job.target.name for job in second.jobs]
    assert new == (["0004.png", "0005.png"] if template == "{number}" else ["aa.png", "a-3.png"])
    assert carry_out(second, settings).done == 2
    assert not make_plan("in", "out", settings).jobs


def test_outputs_may_be_beside_the_photos_under_other_names(tree: Path, tiny_weights: Path) -> None:
    network = DenoiseOptions(model=str(tiny_weights), device="cpu")
    settings = Settings(network, batch=BatchOptions(rename="{name}-clean"))
    plan = make_plan("in", "in", settings)
    assert [job.target.as_posix() for job in plan.jobs] == [
        "in/a-clean.png",
        "in/b-clean.jpg",
        "in/sub/a-clean.png",
    ]
    assert carry_out(plan, settings).done == 3
    again = make_plan("in", "in", settings)
    assert not again.jobs and len(again.already_there) == 3
    assert [one.reason for one in again.skipped] == ["the output of an earlier run"] * 3


def test_a_name_that_is_that_of_the_photo_never_replaces_it(tree: Path) -> None:
    before = Path("in/a.png").read_bytes()
    with pytest.raises(UnsafeOutput, match="is an input"):
        make_plan("in", "in", renamed("{name}"))
    with pytest.raises(UnsafeOutput, match="input folder itself"):
        make_plan("in", "in", renamed("", flat=True))
    assert Path("in/a.png").read_bytes() == before


@pytest.mark.parametrize("template", ["{nr}", "{name", "name}", "{}", "{name!r}", "{0}", "{name.stem}"])
def test_unknown_fields_are_errors(template: str) -> None:
    with pytest.raises(UsageError, match="unknown field"):
        BatchOptions(rename=template)


@pytest.mark.parametrize(
    "template", ["/{name}", "../{name}", "a/../{name}", "{name}/", "a//b", "a\\b", "c:{name}", " ", "."]
)
def test_names_stay_in_the_output_folder(template: str) -> None:
    with pytest.raises(UsageError, match="rename must be like"):
        BatchOptions(rename=template)


def test_a_single_file_needs_no_template(tree: Path) -> None:
    with pytest.raises(UsageError, match="--rename needs an output folder"):
        make_plan("in/a.png", "out.png", renamed("{name}"))


def test_an_image_with_nothing_to_clean_is_copied_unless_it_is_larger(tree: Path) -> None:
    def made(size: str) -> bytes:
        settings = Settings(DenoiseOptions(strength=0.0), write=WriteOptions(size=size))
        assert carry_out(make_plan("in/a.png", f"out-{size}/", settings), settings).done == 1
        return Path(f"out-{size}/a.png").read_bytes()

    assert made("24") == Path("in/a.png").read_bytes()
    with PilImage.open(io.BytesIO(made("12"))) as smaller:
        assert smaller.size == (12, 12)


def test_names_are_not_among_the_options_of_an_output() -> None:
    assert renamed("{date}", flat=True).key == Settings().key


def test_fields_of_the_header_need_the_header() -> None:
    assert naming.needs_header("{date}-{name}") and not naming.needs_header("{folder} {name} {number}")
