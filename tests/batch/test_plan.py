"""The plan of a run, and the kinds of work: their inputs, outputs and errors."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest
from PIL import Image as PilImage

from denoiser import denoise_folder
from denoiser.batch import Settings, make_plan
from denoiser.batch.cleaning import CLEANING
from denoiser.batch.coding import DECODING, ENCODING
from denoiser.batch.discover import FoundFile, Skipped
from denoiser.batch.history import History
from denoiser.batch.plan import work_named, work_of
from denoiser.batch.settings import ModelChoice
from denoiser.errors import Cancelled, ForeignOutput, NothingToDo, UnsafeOutput, UsageError
from denoiser.events import CancelToken
from denoiser.options import BatchOptions, DecodeOptions, DenoiseOptions, EncodeOptions, WriteOptions

Maker = Callable[..., Path]


def targets(plan) -> list[str]:
    return [job.target.as_posix() for job in plan.jobs]


@pytest.fixture
def tree(tmp_path: Path, make_picture: Maker, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("in/b.jpg", "in/a.png", "in/sub/c.webp"):
        make_picture(Path(name))
    return tmp_path


def test_the_tree_is_mirrored_with_its_megapixels(tree: Path) -> None:
    plan = make_plan("in", "out")
    assert targets(plan) == ["out/a.png", "out/b.jpg", "out/sub/c.webp"]
    assert plan.megapixels == pytest.approx(3 * 24 * 24 / 1e6)
    assert not Path("out").exists()


def test_the_output_format_follows_the_bytes_or_the_option(tree: Path) -> None:
    Path("in/a.png").rename("in/a.jpg")
    assert targets(make_plan("in", "out")) == ["out/a.png", "out/b.jpg", "out/sub/c.webp"]
    converted = make_plan("in", "out", Settings(write=WriteOptions(format="tiff")))
    assert targets(converted) == ["out/a.tif", "out/b.tif", "out/sub/c.tif"]


def test_existing_files_of_unknown_origin_need_overwrite(tree: Path, make_picture: Maker) -> None:
    make_picture(Path("out/a.png"), side=25)
    plan = make_plan("in", "out")
    assert targets(plan) == ["out/b.jpg", "out/sub/c.webp"] and not plan.already_there
    ((job, error),) = plan.blocked
    assert job.source.as_posix() == "in/a.png" and isinstance(error, ForeignOutput)
    assert error.message == "out/a.png: already exists, and no record shows that it was made from in/a.png."
    again = make_plan("in", "out", Settings(batch=BatchOptions(overwrite=True)))
    assert targets(again) == ["out/a.png", "out/b.jpg", "out/sub/c.webp"] and not again.blocked
    ((job, error),) = make_plan("in/a.png", "out/a.png").blocked
    assert isinstance(error, ForeignOutput)


def test_shards_share_the_work_and_keep_their_part(tree: Path, make_picture: Maker) -> None:
    for number in range(30):
        make_picture(Path(f"in/{number}.png"), side=1)

    def of(shard: str) -> list[str]:
        plan = make_plan("in", "out", Settings(batch=BatchOptions(shard=shard)))
        assert plan.elsewhere + len(plan.jobs) == len(list(Path("in").rglob("*.*")))
        return targets(plan)

    parts = [of(f"{part}/4") for part in (1, 2, 3, 4)]
    assert sorted(name for part in parts for name in part) == sorted(targets(make_plan("in", "out")))
    assert all(parts)
    Path("in/7.png").unlink()
    make_picture(Path("in/another.png"))
    for before, part in zip(parts, ("1/4", "2/4", "3/4", "4/4"), strict=True):
        assert set(before) - {"out/7.png"} == set(of(part)) - {"out/another.png"}


def test_listed_files_keep_the_folders_of_their_names(tree: Path) -> None:
    whole = tree / "in" / "b.jpg"
    plan = make_plan([], "out", listed=["in/sub/c.webp", "in/a.png", whole, "in/absent.png"])
    below = PurePath(*whole.parts[1:]).as_posix()
    assert targets(plan) == ["out/in/sub/c.webp", "out/in/a.png", f"out/{below}"]
    ((_, error),) = plan.blocked
    assert error.message == "in/absent.png: no such file."
    assert targets(make_plan([], "out", listed=["in"]))[0] == "out/in/a.png"
    assert targets(make_plan([], "one.png", listed=["in/a.png"])) == ["one.png/in/a.png"]
    with pytest.raises(UsageError, match=r"must not contain '\.\.'"):
        make_plan([], "out", listed=["../in/a.png"])


def test_one_file_to_one_file_and_to_a_folder(tree: Path) -> None:
    assert targets(make_plan("in/a.png", "b.jpg")) == ["b.jpg"]
    assert targets(make_plan("in/a.png", "folder")) == ["folder/a.png"]
    assert targets(make_plan("in/a.png", "folder.png/")) == ["folder.png/a.png"]
    Path("there.png").mkdir()
    assert targets(make_plan("in/a.png", "there.png")) == ["there.png/a.png"]
    assert targets(make_plan(["in/a.png", Path("in/b.jpg")], "folder")) == ["folder/a.png", "folder/b.jpg"]


def test_a_broken_file_is_planned_by_its_name_and_fails_later(tree: Path) -> None:
    Path("in/broken.bmp").write_bytes(b"BM")
    plan = make_plan("in", "out")
    assert "out/broken.png" in targets(plan)
    assert next(job for job in plan.jobs if job.source.name == "broken.bmp").megapixels == 0


@pytest.mark.parametrize(
    ("sources", "out", "error", "words"),
    [
        ("nowhere", "out", UsageError, "nowhere: no such file"),
        ("in", "in", UnsafeOutput, "the input folder itself"),
        ("in", "in/../in", UnsafeOutput, "the input folder itself"),
        ("in/a.png", "in/a.png", UnsafeOutput, "an input, or a link"),
        ("in/a.png", "in", UnsafeOutput, "an input, or a link"),
        ("in", "out.png", UsageError, "is a file name, but a folder is"),
        (["in/a.png", "in/b.jpg"], "out.png", UsageError, "is a file name, but 2 images are"),
        ("in", "file", UsageError, "file: is a file"),
        ("in/a.png", "x.gif", UsageError, "ends in '.gif'"),
        ("in/a.png", "x.bmp", UsageError, "but not written"),
        ("empty", "out", NothingToDo, "empty: no image found"),
        ("texts", "out", NothingToDo, r"texts: no image found \(2 files of other kinds\)"),
    ],
)
def test_refused_before_a_pixel_is_read(
    tree: Path, make_picture: Maker, sources: str, out: str, error: type[Exception], words: str
) -> None:
    Path("file").write_bytes(b"")
    Path("empty").mkdir()
    Path("texts").mkdir()
    Path("texts/a.txt").write_bytes(b"")
    Path("texts/b.txt").write_bytes(b"")
    before = sorted(path.as_posix() for path in Path().rglob("*"))
    with pytest.raises(error, match=words):
        make_plan(sources, out)
    assert sorted(path.as_posix() for path in Path().rglob("*")) == before


def test_planning_a_large_tree_can_be_stopped(tree: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        make_plan("in", "out", cancel=token)


EXACT = Settings(encode=EncodeOptions(lossless=True))
BACK = Settings(decode=DecodeOptions())


def test_options_determine_the_work() -> None:
    assert work_of(Settings()) is CLEANING and work_of(EXACT) is ENCODING and work_of(BACK) is DECODING
    assert [work_named(work.words.verb) for work in (CLEANING, ENCODING, DECODING)] == [
        CLEANING,
        ENCODING,
        DECODING,
    ]


def test_outputs_of_one_kind_of_work_are_not_done_for_another() -> None:
    keys = {settings.key for settings in (Settings(), EXACT, BACK, Settings(encode=EncodeOptions()))}
    assert len(keys) == 4
    assert Settings(encode=EncodeOptions(quality=60)).key != Settings(encode=EncodeOptions()).key
    assert Settings(encode=EncodeOptions(denoise=None)).key != Settings(encode=EncodeOptions()).key
    for means in (EncodeOptions(device="cpu"), EncodeOptions(precision="fp32"), EncodeOptions(verify=True)):
        assert Settings(encode=means).key == Settings(encode=EncodeOptions()).key, "how, not what"
    assert Settings(encode=EncodeOptions(model="a.safetensors")).asked["model"] == "a.safetensors"


@pytest.mark.parametrize("settings", [EXACT, BACK], ids=["encode", "decode"])
@pytest.mark.parametrize(
    "batch", [BatchOptions(series=True), BatchOptions(crop="0,0,5,5"), BatchOptions(skip_clean=1)]
)
def test_options_of_cleaning_are_errors_for_other_work(
    settings: Settings, batch: BatchOptions, tmp_path: Path
) -> None:
    asked = Settings(batch=batch, encode=settings.encode, decode=settings.decode)
    with pytest.raises(UsageError, match="applies to cleaning only"):
        make_plan(tmp_path, tmp_path / "out", asked)


def test_names_follow_the_work(tmp_path: Path, make_picture) -> None:
    for name in ("a.png", "sub/b.JPG", "v1.2.png"):
        make_picture(tmp_path / "in" / name)
    plan = make_plan(tmp_path / "in", tmp_path / "out", EXACT)
    assert [job.name for job in plan.jobs] == ["a.dlf", "v1.2.dlf", "sub/b.dlf"]
    assert plan.choice == ModelChoice("exact", "") and plan.jobs[0].megapixels == 24 * 24 / 1e6
    single = make_plan(tmp_path / "in/a.png", tmp_path / "b.dlf", EXACT)
    assert single.jobs[0].target == tmp_path / "b.dlf" and single.folder is None


def test_a_broken_latent_file_has_its_place_in_the_plan(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.dlf").write_bytes(b"\x89DLF\r\n\x1a\nno more")
    (tmp_path / "in/b.png").write_bytes(b"")
    plan = make_plan(tmp_path / "in", tmp_path / "out", BACK)
    assert [job.name for job in plan.jobs] == ["a.png"], (
        "pictures are not taken, and the run will say what is wrong"
    )
    seen = DECODING.inspect(
        FoundFile(tmp_path / "in/a.dlf", PurePath("a.dlf"), (0, 0)),
        Settings(decode=DecodeOptions(), write=WriteOptions(format="tiff")),
    )
    assert seen.written_as.key == "tiff"


def test_encoding_writes_only_latent_files_and_decoding_only_images() -> None:
    assert ENCODING.makes(Path("a.DLF")) and not ENCODING.makes(Path("a.png"))
    assert DECODING.makes(Path("a.png")) and not DECODING.makes(Path("a.dlf"))
    with pytest.raises(UsageError, match=r"a\.png: the name of a latent file must end in \.dlf"):
        ENCODING.row(Path("a.png"))
    with pytest.raises(UsageError, match="unsupported output format"):
        DECODING.row(Path("a.dlf"))


def test_what_stood_for_auto_is_kept_by_the_next_run(tiny_codec: Path) -> None:
    settings = Settings(encode=EncodeOptions(model=str(tiny_codec)))
    chosen = ENCODING.choose(settings, History(), lambda _wish: "cpu")
    assert chosen.model == str(tiny_codec) and len(chosen.digest) == 64 and chosen.kept == {}
    line = {
        "options": settings.key,
        "asked": settings.asked,
        "model": chosen.model,
        "digest": chosen.digest,
        "at": 1,
    }
    run = line | {"device": "cpu", "precision": "bf16"}
    kept = ENCODING.choose(settings, History(runs=[run]), lambda _wish: "cpu")
    assert kept.applied(EncodeOptions()) == EncodeOptions(model=chosen.model, device="cpu", precision="bf16")


def test_a_trial_does_what_codecs_of_others_do(tmp_path: Path, make_picture) -> None:
    source = make_picture(tmp_path / "a.png")
    ENCODING.try_alone(source, tmp_path / "a.dlf")
    worker = ENCODING.open(None, EXACT)
    data = worker.encode(ENCODING.read(source, EXACT)).data
    (tmp_path / "a.dlf").write_bytes(data)
    DECODING.try_alone(tmp_path / "a.dlf", tmp_path / "b.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dlf", "a.png"], "nothing is written"


def test_one_name_in_two_folders_is_an_error_of_the_second_file_only(tree: Path, make_picture: Maker) -> None:
    make_picture(Path("in2/a.png"))
    plan = make_plan(["in", "in2"], "out")
    ((job, error),) = plan.blocked
    assert job.source == Path("in2/a.png") and "out/a.png, like in/a.png" in error.message
    assert "out/a.png" in targets(plan)


def test_names_stay_when_files_are_added(tmp_path: Path, make_picture, tiny_weights, monkeypatch) -> None:
    """An image keeps the name of its output, whatever is added and in whatever order."""
    monkeypatch.chdir(tmp_path)
    options = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")
    picture = PilImage.open(make_picture(Path("a.png")))
    Path("in").mkdir()
    picture.save("in/a.bmp")
    assert denoise_folder("in", "out", options).done == 1
    picture.save("in/a.png")
    report = denoise_folder("in", "out", options)
    assert (report.done, report.already_there, report.exit_code) == (1, 1, 0)
    for sources in ("in", ["in/a.png", "in/a.bmp"], ["in/a.bmp", "in/a.png"]):
        plan = make_plan(sources, "out", Settings(options))
        assert plan.jobs == () and {job.source.name: job.name for job in plan.already_there} == {
            "a.bmp": "a.png",
            "a.png": "a.png.png",
        }


def test_own_outputs_are_no_inputs(tmp_path: Path, make_picture, tiny_weights, monkeypatch) -> None:
    """As with `denoise *.* --out . --format webp`, called twice."""
    monkeypatch.chdir(tmp_path)
    make_picture(Path("a.png"))
    options, write = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32"), WriteOptions("webp")
    assert denoise_folder("a.png", ".", options, write=write).done == 1
    plan = make_plan(["a.png", "a.webp"], ".", Settings(options, write=write))
    assert plan.jobs == () and [job.name for job in plan.already_there] == ["a.webp"]
    assert plan.skipped == (Skipped(Path("a.webp"), "the output of an earlier run"),)
    os.utime("a.webp")  # changed by another program: an input
    with pytest.raises(UnsafeOutput, match="an input, or a link"):
        make_plan(["a.png", "a.webp"], ".", Settings(options, write=write))
