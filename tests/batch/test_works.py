"""Three kinds of work walk one road: what they take, what they make, and what they refuse."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from denoiser.batch import Settings, make_plan
from denoiser.batch.cleaning import CLEANING
from denoiser.batch.decoding import DECODING
from denoiser.batch.discover import Find
from denoiser.batch.encoding import ENCODING
from denoiser.batch.history import History
from denoiser.batch.settings import Choice
from denoiser.batch.works import named, work_of
from denoiser.errors import UsageError
from denoiser.options import BatchOptions, DecodeOptions, EncodeOptions, WriteOptions

EXACT = Settings(encode=EncodeOptions(lossless=True))
BACK = Settings(decode=DecodeOptions())


def test_what_was_asked_for_says_which_work_it_is() -> None:
    assert work_of(Settings()) is CLEANING and work_of(EXACT) is ENCODING and work_of(BACK) is DECODING
    assert [named(work.words.verb) for work in (CLEANING, ENCODING, DECODING)] == [CLEANING, ENCODING, DECODING]


def test_outputs_of_one_work_are_never_taken_for_those_of_another() -> None:
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
def test_what_cleaning_alone_understands_is_refused(
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
    assert plan.choice == Choice("exact", "") and plan.jobs[0].megapixels == 24 * 24 / 1e6
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
    seen = DECODING.sight(
        Find(tmp_path / "in/a.dlf", PurePath("a.dlf"), (0, 0)),
        Settings(decode=DecodeOptions(), write=WriteOptions(format="tiff")),
    )
    assert seen.written_as.key == "tiff"


def test_only_latent_files_are_made_of_pictures_and_the_other_way_round() -> None:
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
