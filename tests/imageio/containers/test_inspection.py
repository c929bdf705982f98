"""What an inspection says when there is nothing to say."""

from __future__ import annotations

from denoiser.image import Metadata
from denoiser.imageio.containers.inspection import Inspection, distinct, trailing_note


def test_an_empty_inspection_is_an_upright_single_picture() -> None:
    empty = Inspection()
    assert (empty.orientation, empty.frames, empty.hidden, empty.notes) == (1, 1, (), ())
    assert empty.metadata == Metadata()


def test_words_come_once_and_in_order() -> None:
    assert distinct(["depth map", "gain map", "depth map"]) == ("depth map", "gain map")


def test_a_trailer_is_noted_when_there_is_one() -> None:
    assert trailing_note(0) == trailing_note(-8) == []
    assert trailing_note(12_345) == ["12,345 bytes follow after its end"]
