"""Reading and writing files."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import check, control


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are read."""

    max_pixels: int = control(
        500_000_000,
        help="Reject images with more pixels than this, before memory is allocated.",
        minimum=1,
        maximum=2**40,
        unit="pixels",
    )
    frames: str = control(
        "first",
        help="Files with several images: use the first and add a note, or reject them.",
        choices=("first", "refuse"),
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How an image is written; None follows the source."""

    format: str | None = control(
        None,
        help="Output format; auto keeps that of the source.",
        choices=("png", "jpeg", "tiff", "webp", "avif", "jxl"),
        automatic=True,
    )
    jpeg_quality: int | None = control(
        None,
        help="JPEG quality; auto keeps the tables and subsampling of a JPEG source, otherwise 95.",
        minimum=1,
        maximum=100,
        automatic=True,
    )
    strip: bool = control(False, help="Remove all metadata except the colour profile.")
    ticket: bool = control(True, help="Store a processing record in XMP, which `denoise redo` uses.")

    def __post_init__(self) -> None:
        check(self)
