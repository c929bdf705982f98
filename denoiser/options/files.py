"""Reading and writing files."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import check, control


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What is refused or taken when a file is read."""

    max_pixels: int = control(
        500_000_000,
        help="Refuse pictures with more pixels than this, before anything is allocated.",
        minimum=1,
        maximum=2**40,
        unit="pixels",
    )
    frames: str = control(
        "first",
        help="What to do with files of several pictures: take the first and say so, or refuse.",
        choices=("first", "refuse"),
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a picture is written; what is None follows the source."""

    format: str | None = control(
        None,
        help="The format of the outputs; auto keeps the source's.",
        choices=("png", "jpeg", "tiff", "webp", "avif", "jxl"),
        automatic=True,
    )
    jpeg_quality: int | None = control(
        None,
        help="JPEG quality; auto keeps the source's tables and subsampling, or 95.",
        minimum=1,
        maximum=100,
        automatic=True,
    )
    strip: bool = control(False, help="Leave out all metadata but the colour profile.")
    ticket: bool = control(True, help="Say in the XMP of each output what made it, for `denoise redo`.")

    def __post_init__(self) -> None:
        check(self)
