from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.batch.settings import Settings
from denoiser.errors import UsageError
from denoiser.image import Image, from_numpy
from denoiser.options import WriteOptions
from denoiser_gui.model.batch_queue import BatchQueue
from denoiser_gui.model.export_rules import ExportRules, example, target_of

_OUT = Path("/out")
_A, _B = Path("/in/a.png"), Path("/in/sub/a.png")


@pytest.fixture
def image() -> Image:
    return from_numpy(np.zeros((20, 30, 3), np.uint8))


def test_the_default_target_is_a_folder_next_to_the_photo(tmp_path: Path, image: Image) -> None:
    source = tmp_path / "a.png"
    imageio.write(image, source)
    read = imageio.read(source)
    assert target_of(source, "a.png", read, WriteOptions()) == tmp_path / "clean" / "a.png"
    assert target_of(source, "a.png", read, WriteOptions(format="jpeg")) == tmp_path / "clean" / "a.jpg"
    assert target_of(tmp_path / "b.bmp", "b.bmp", None, WriteOptions()) == tmp_path / "clean" / "b.png"


@pytest.mark.parametrize(
    ("rules", "target"),
    [
        (ExportRules("beside", template="{name}-dn"), "in/a-dn.png"),
        (ExportRules("subfolder", "web"), "in/web/a.png"),
        (ExportRules("folder"), "out/a.png"),
        (ExportRules("tree", template="{folder}/{name}"), "out/in/a.png"),
    ],
)
def test_saving_follows_the_rules(tmp_path: Path, rules: ExportRules, target: str) -> None:
    source = tmp_path / "in" / "a.png"
    assert target_of(source, "a.png", None, WriteOptions(), rules, tmp_path / "out") == tmp_path / target


def test_saving_takes_the_first_free_number(tmp_path: Path) -> None:
    rules = ExportRules("subfolder", template="{name}-{number}")
    for name in ("a-0001.png", "a-0002.png"):
        (tmp_path / "clean").mkdir(exist_ok=True)
        (tmp_path / "clean" / name).touch()
    target = target_of(tmp_path / "a.png", "a.png", None, WriteOptions(), rules)
    assert target == tmp_path / "clean" / "a-0003.png"


def test_the_example_is_what_a_run_writes(tmp_path: Path, image: Image) -> None:
    source = tmp_path / "in" / "a.bmp.png"
    source.parent.mkdir()
    imageio.write(image, source)
    rules = ExportRules("folder", template="{folder}_{name}-{number}")
    assert example(source, WriteOptions("jpeg"), rules, _OUT) == _OUT / "in_a.bmp-0001.jpg"
    assert example(tmp_path / "none.jpg", WriteOptions(), ExportRules(), _OUT) == _OUT / "none.png"


@pytest.mark.parametrize(
    "rules",
    [
        ExportRules("beside"),
        ExportRules(template="{nr}"),
        ExportRules("subfolder", "../x"),
        ExportRules(template=""),
    ],
)
def test_rules_that_cannot_work_are_errors(rules: ExportRules) -> None:
    with pytest.raises(UsageError):
        rules.check()


@pytest.mark.parametrize(
    ("rules", "parts"),
    [
        (ExportRules("tree"), [("/out", "/in")]),
        (ExportRules("folder"), [("/out", None)]),
        (ExportRules("subfolder", "web"), [("/in/web", None), ("/in/sub/web", None)]),
        (ExportRules("beside", template="{name}-dn"), [("/in", None), ("/in/sub", None)]),
    ],
)
def test_the_parts_of_a_batch_follow_the_rules(rules: ExportRules, parts: list[tuple[str, str | None]]) -> None:
    queue = BatchQueue()
    for source in (_A, _B):
        queue.add(source, Settings(), Path("/in"))
    made = queue.start(_OUT, queue.rows, rules)
    assert [(str(part.folder), part.root and str(part.root)) for part in made] == parts
    assert {part.settings.batch.rename for part in made} == {rules.rename}
    assert {part.settings.batch.flat for part in made} == {rules.place == "folder"}


def test_output_options_reach_the_photos_that_wait() -> None:
    queue = BatchQueue()
    queue.add(_A, Settings())
    queue.set_write(WriteOptions("avif", size="2048"))
    assert queue.rows[0].settings.write == WriteOptions("avif", size="2048")
    queue.start(_OUT, queue.rows)
    queue.set_write(WriteOptions("png"))
    assert queue.rows[0].settings.write.format == "avif", "the run has begun"
