"""Where outputs go and what they are called: the rules of Save, of Save as, and of the batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from denoiser.batch import naming
from denoiser.errors import DenoiserError, UsageError
from denoiser.image import Image
from denoiser.imageio import ImageHeader, formats, probe
from denoiser.options import WriteOptions
from denoiser.options.runs import check_name
from denoiser_gui.model.photos_to_open import OUTPUT_FOLDER

PLACES = ("tree", "folder", "subfolder", "beside")
SAME_NAME = "{name}"


@dataclass(frozen=True, slots=True)
class ExportRules:
    """The place of outputs, and the template of their names.

    "tree" is a folder with the subfolders of the photos, "folder" one without; "subfolder" and "beside" are next to
    each photo.
    """

    place: str = PLACES[0]
    subfolder: str = OUTPUT_FOLDER
    template: str = SAME_NAME

    def check(self) -> None:
        """Raise UsageError if a name is invalid, or would be that of the photo."""
        check_name(self.template)
        if self.place == "subfolder":
            check_name(self.subfolder)
        if self.place == "beside" and self.template == SAME_NAME:
            raise UsageError("This is the name of the photo itself.", hint="For example: {name}-clean")

    @property
    def rename(self) -> str:
        """The template as an option of a run; empty if photos keep their names."""
        return "" if self.template == SAME_NAME else self.template

    @property
    def is_next_to_photos(self) -> bool:
        """Whether outputs go to the folders of the photos."""
        return self.place in ("subfolder", "beside")

    def folder_of(self, source: Path | None, chosen: Path | None) -> Path:
        """The output folder of a photo; *chosen* is that of the places "tree" and "folder"."""
        home = source.parent if source is not None else Path.home()
        if self.place == "beside":
            return home
        if self.place == "subfolder" or chosen is None:
            return home / (self.subfolder if self.place == "subfolder" else OUTPUT_FOLDER)
        return chosen


DEFAULT_RULES = ExportRules()


def target_of(
    source: Path | None,
    name: str,
    image: Image | None,
    write: WriteOptions,
    rules: ExportRules = DEFAULT_RULES,
    chosen: Path | None = None,
) -> Path:
    """The file that a photo is saved to; a number in its name is the first free one."""
    origin = image.origin if image is not None else None
    row = formats.output_format(origin, write) if origin is not None else formats.ROWS[write.format or "png"]
    path = Path(name)
    folder = rules.folder_of(source, chosen)
    suffix = path.suffix if path.suffix.lower() in row.suffixes else row.suffix
    if rules.template == SAME_NAME:
        return folder / f"{path.stem}{suffix}"
    stem = naming.rendered(rules.template, source or path, _header_of(image, row.key))
    names = naming.names_of(stem, suffix, 1)
    if naming.NUMBER not in str(stem):
        return folder / next(names)
    return next(folder / one for one in names if not (folder / one).exists())


def example(source: Path, write: WriteOptions, rules: ExportRules, chosen: Path) -> Path:
    """The output of a photo, from its header, as the first of a run; raises UsageError for invalid rules."""
    rules.check()
    try:
        header = probe(source)
        row = formats.output_format(header, write)
    except DenoiserError:
        header, row = None, formats.ROWS[write.format or "png"]
    suffix = source.suffix if source.suffix.lower() in row.suffixes else row.suffix
    stem = naming.rendered(rules.template, source, header)
    return rules.folder_of(source, chosen) / next(naming.names_of(PurePath(stem), suffix, 1))


def _header_of(image: Image | None, format: str) -> ImageHeader | None:
    return ImageHeader(format, image.width, image.height, exif=image.metadata.exif) if image is not None else None
