"""`denoise samples`: writes noisy sample photos."""

from __future__ import annotations

import json
from pathlib import Path

import click

from denoiser.errors import UsageError
from denoiser_cli import sample_photos
from denoiser_cli.flags import Flag, Manner, Verb, speaking_flags
from denoiser_cli.lines import say, shown

_EXAMPLES = """\
denoise samples ./imgs                              write five noisy photos
denoise samples ./imgs --originals ./originals      also write them without noise
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("folder", metavar="DIR")
@click.option(
    "--originals", cls=Flag, metavar="DIR", help="Also write the photos without noise, as PNG, to this folder."
)
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, folder: str, originals: str | None) -> int:
    """Write noisy sample photos.

    The photos are public domain or CC0 and come with scikit-image (extra `demo`); CREDITS.txt lists the authors.
    The noise is the same in every call. Existing files are not overwritten.
    """
    from denoiser import imageio
    from denoiser.atomicfile import whole_file
    from denoiser.options import WriteOptions

    noisy_folder, clean_folder = Path(folder), Path(originals) if originals else None
    targets = [noisy_folder / name for name in sample_photos.names()]
    if clean_folder is not None:
        targets += [_original(clean_folder, sample) for sample in sample_photos.SAMPLES]
    _refuse_present(targets)
    for sample in sample_photos.SAMPLES:
        noisy, clean = sample_photos.make(sample)
        imageio.write(noisy, noisy_folder / sample.name, WriteOptions(jpeg_quality=sample_photos.JPEG_QUALITY))
        if clean_folder is not None:
            imageio.write(clean, _original(clean_folder, sample))
    with whole_file(noisy_folder / sample_photos.CREDITS_NAME) as file:
        file.write(sample_photos.credits().encode())
    for target in targets:
        click.echo(json.dumps({"written": str(target)}) if manner.json else shown(target))
    if not manner.quiet:
        say(f"Now try: denoise {shown(noisy_folder)} --out ./clean")
    return 0


def _original(folder: Path, sample: sample_photos.Sample) -> Path:
    return (folder / sample.name).with_suffix(".png")


def _refuse_present(targets: list[Path]) -> None:
    for target in targets:
        if target.exists():
            raise UsageError(f"{target}: already exists.", hint="Choose another folder.")
