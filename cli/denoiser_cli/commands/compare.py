"""`denoise compare`: draws noisy and clean images on a sheet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser import imageio
from denoiser.batch.discover import discover, looks_like_image
from denoiser.batch.layout import writable_row
from denoiser.errors import NothingToDo, UnsafeOutput, UnusableData, UsageError
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags
from denoiser_cli.lines import one_line, shown, to_stderr

if TYPE_CHECKING:
    from denoiser.image import Image
    from denoiser.imageio.sheet import Row


_EXAMPLES = """\
denoise compare ./imgs ./clean --out sheet.png
denoise compare noisy.jpg clean.jpg --out sheet.png
denoise compare ./imgs ./clean --reference ./originals --out sheet.png
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("noisy", metavar="NOISY", shell_complete=complete_value)
@click.argument("clean", metavar="CLEAN", shell_complete=complete_value)
@click.option("--out", cls=Flag, metavar="FILE", help="Output image, for example sheet.png. [required]")
@click.option("--reference", cls=Flag, metavar="PATH", help="Noise-free images, to compute PSNR and SSIM.")
@click.option(
    "--rows",
    cls=Flag,
    metavar="N",
    type=click.IntRange(1, 100),
    default=12,
    help="Maximum number of images on the sheet. [default 12]",
)
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, noisy: str, clean: str, out: str | None, reference: str | None, rows: int) -> int:
    """Draw noisy and clean images side by side, with their difference.

    Each image is a row: a representative crop at 1:1, an enlarged part, and the difference. Files in folders are
    matched by name without suffix. With --reference, PSNR and SSIM are printed for all images.
    """
    if not out:
        raise UsageError("--out is missing: the file for the sheet.", hint="For example: --out sheet.png")
    trios = _matched(Path(noisy), Path(clean), Path(reference) if reference else None)
    _refuse_inputs(Path(out), trios)
    scores = _draw(trios, Path(out), rows)
    for score in scores:
        click.echo(json.dumps(score.words()) if mode.json else str(score))
    if not mode.quiet:
        to_stderr(f"{min(rows, len(trios))} of {len(trios)} images on {shown(Path(out))}")
    return 0


@dataclass(frozen=True, slots=True)
class _Trio:
    """A noisy image, its clean version, and optionally a reference."""

    title: str
    noisy: Path
    clean: Path
    reference: Path | None


@dataclass(frozen=True, slots=True)
class _Score:
    """PSNR and SSIM of noisy and clean image against the reference."""

    name: str
    noisy_psnr: float
    clean_psnr: float
    noisy_ssim: float
    clean_ssim: float

    def words(self) -> dict[str, Any]:
        """Return JSON values; an infinite PSNR is null."""
        values = {key: getattr(self, key) for key in self.__slots__}
        return {key: None if value == float("inf") else value for key, value in values.items()}

    def __str__(self) -> str:
        before, after = _figures(self.noisy_psnr, self.noisy_ssim), _figures(self.clean_psnr, self.clean_ssim)
        return f"{one_line(self.name)}: {before} -> {after}"


def _matched(noisy: Path, clean: Path, reference: Path | None) -> list[_Trio]:
    """Return the images present in all folders; print the others to stderr."""
    for path in (noisy, clean, reference):
        if path is not None and not path.exists():
            raise UsageError(f"{path}: no such file or folder.", hint="Check the spelling.")
    if len({path.is_dir() for path in (noisy, clean, reference) if path is not None}) > 1:
        raise UsageError("Compare files with files, or folders with folders.")
    if not noisy.is_dir():
        return [_Trio(noisy.name, noisy, clean, reference)]
    others = [_by_stem(folder) if folder is not None else None for folder in (clean, reference)]
    trios = []
    for stem, path in _by_stem(noisy).items():
        partners = [other.get(stem) if other is not None else None for other in others]
        if partners[0] is None or (others[1] is not None and partners[1] is None):
            to_stderr(f"{shown(path)}: no matching image, skipped")
        else:
            trios.append(_Trio(str(path.relative_to(noisy)), path, partners[0], partners[1]))
    if not trios:
        raise NothingToDo(f"{noisy} and {clean} have no image in common.", hint="Images are matched by name.")
    return trios


def _refuse_inputs(out: Path, trios: Sequence[_Trio]) -> None:
    """Raise UnsafeOutput if the sheet would overwrite an image."""
    writable_row(out)
    for trio in trios:
        for path in (trio.noisy, trio.clean, trio.reference):
            if path is not None and out.exists() and path.exists() and out.samefile(path):
                raise UnsafeOutput(f"{out}: is one of the compared images; inputs are never overwritten.")


def _draw(trios: Sequence[_Trio], out: Path, most: int) -> list[_Score]:
    """Write the sheet of the first *most* images; return the scores of all with a reference."""
    from denoiser.imageio.sheet import contact_sheet

    scores: list[_Score] = []
    rows = _rows(trios, scores)
    sheet = contact_sheet(row for row, _ in zip(rows, range(most), strict=False))
    for _ in rows:
        """The rest is scored but not drawn."""
    imageio.write(sheet, out)
    return scores


def _rows(trios: Sequence[_Trio], scores: list[_Score]) -> Iterator[Row]:
    from denoiser.imageio.sheet import Row

    for trio in trios:
        noisy, clean = imageio.read(trio.noisy), imageio.read(trio.clean)
        size = f"{noisy.width} x {noisy.height}"
        title = f"{one_line(trio.title)}   {size}, {noisy.bits} bit"
        if trio.reference is None:
            yield Row(title, noisy, clean)
            continue
        reference = imageio.read(trio.reference)
        score = _score(trio.title, noisy, clean, reference)
        scores.append(score)
        before, after = _figures(score.noisy_psnr, score.noisy_ssim), _figures(score.clean_psnr, score.clean_ssim)
        yield Row(title, noisy, clean, reference, before, after)


def _score(name: str, noisy: Image, clean: Image, reference: Image) -> _Score:
    from denoiser.metrics import psnr, ssim

    truth, before, after = (image.pixels / image.white for image in (reference, noisy, clean))
    if not truth.shape == before.shape == after.shape:
        raise UnusableData(f"{name}: noisy, clean and reference differ in size or number of channels.")
    return _Score(
        name,
        psnr(before, truth, white=1.0),
        psnr(after, truth, white=1.0),
        ssim(before, truth, white=1.0),
        ssim(after, truth, white=1.0),
    )


def _figures(decibel: float, similarity: float) -> str:
    return f"PSNR {decibel:.2f} dB, SSIM {similarity:.3f}"


def _by_stem(folder: Path) -> dict[str, Path]:
    found = discover([folder], is_image_name=looks_like_image)
    return {str(find.below.with_suffix("")): find.path for find in found.finds}
