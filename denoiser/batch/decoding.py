"""The work of decoding: latent files to pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser import imageio
from denoiser.batch import layout
from denoiser.batch.choice import DeviceChooser
from denoiser.batch.discover import Find
from denoiser.batch.encoding import refuse_cleaning
from denoiser.batch.history import History
from denoiser.batch.layout import LATENT, Job, Sighting
from denoiser.batch.settings import Choice, Settings
from denoiser.batch.work import Outcome, Words
from denoiser.errors import DenoiserError, UnreadableImage
from denoiser.events import CancelToken, Listener
from denoiser.imageio import formats
from denoiser.imageio.formats import Format

if TYPE_CHECKING:
    from denoiser.codec.container import LatentFile
    from denoiser.codec.decode import Decoder
    from denoiser.estimation import Series
    from denoiser.image import Image

_USUAL = "png"  # holds all depths of latent files, and loses nothing once more
_OF_FLOAT = "tiff"


@dataclass(frozen=True, slots=True)
class Latent:
    """A latent file that was read."""

    file: LatentFile
    name: str
    times_ns: tuple[int, int] | None = None

    @property
    def megapixels(self) -> float:
        return self.file.megapixels


class Decoding:
    """Latent files become pictures."""

    words = Words(
        verb="decode",
        done="decoded",
        takes="latent file",
        makes="images",
        known="Latent files end in .dlf; `denoise encode` makes them.",
        example="denoise decode ./latents --out ./imgs",
        pipes=("denoise decode - --out b.png < a.dlf", "denoise decode a.dlf --out - > b.png"),
    )

    def refuse(self, settings: Settings) -> None:
        """What cleaning alone understands."""
        refuse_cleaning(settings)

    def takes(self, name: Path) -> bool:
        """Latent files."""
        return name.suffix.lower() in LATENT.suffixes

    def makes(self, target: Path) -> bool:
        """Pictures."""
        return formats.is_picture_name(target)

    def row(self, target: Path) -> Format:
        """That of the name's suffix."""
        return layout.writable_row(target)

    def sight(self, find: Find, settings: Settings) -> Sighting:
        """Size and format of the output."""
        from denoiser.codec import container

        try:
            header = container.probe(find.path)
        except DenoiserError:
            return Sighting(
                find.path, find.below, _row(8, settings)
            )  # the run will meet the same error, and tell it
        return Sighting(find.path, find.below, _row(header.bits, settings), header.width * header.height / 1e6)

    def choose(self, settings: Settings, history: History, choose_device: DeviceChooser) -> Choice:  # noqa: ARG002
        """Nothing: each file names its weights."""
        assert settings.decode is not None
        return Choice(settings.decode.model, "")

    def open(self, choice: Choice | None, settings: Settings) -> Decoder:  # noqa: ARG002 - see Work
        """A decoder."""
        from denoiser.codec.decode import Decoder  # torch takes seconds

        assert settings.decode is not None
        return Decoder(settings.decode)

    def read(self, path: Path, settings: Settings) -> Latent:
        """The file, proven whole as far as that goes without decoding."""
        from denoiser.codec import container

        file = container.read(path, settings.read)
        try:
            status = path.stat()
        except OSError as error:
            raise UnreadableImage(f"{path}: cannot be accessed ({error.strerror}).") from error
        return Latent(file, str(path), (status.st_atime_ns, status.st_mtime_ns))

    def read_bytes(self, data: bytes, name: str, settings: Settings) -> Latent:
        """The same from a pipe."""
        from denoiser.codec import container

        return Latent(container.read_bytes(data, name, settings.read), name)

    def make(
        self,
        content: Latent,
        settings: Settings,  # noqa: ARG002 - see Work
        worker: Decoder,
        *,
        series: Series | None,  # noqa: ARG002
        listener: Listener,
        cancel: CancelToken,
    ) -> Outcome:
        """The picture."""
        made = worker.decode(
            content.file, content.name, times_ns=content.times_ns, listener=listener, cancel=cancel
        )
        facts = {"seconds": made.seconds, "model": made.model, "device": made.device, "precision": made.precision}
        facts = {name: value for name, value in facts.items() if value != ""}
        return Outcome(made.image, made.image.megapixels, facts, made.notes)

    def write(self, outcome: Outcome, job: Job, settings: Settings) -> tuple[str, ...]:
        """The picture with all that came with it, and with the times of the latent file."""
        image: Image = outcome.result
        imageio.write(image, job.target, settings.write)
        return imageio.losses(image, formats.by_suffix(job.target).key)

    def encoded(self, outcome: Outcome, content: Latent, settings: Settings) -> bytes:
        """In the format that was asked for, or as a file would be."""
        return imageio.encode(outcome.result, _row(content.file.bits, settings).key, settings.write)

    def try_alone(self, source: Path, target: Path) -> None:
        """Decodes what codecs of others have encoded: exact pixels, and alpha; symbols are counted by our own."""
        from denoiser.codec.decode import outside_parts

        for image in outside_parts(self.read(source, Settings()).file):
            imageio.encode(image, formats.by_suffix(target).key)


def _row(bits: int, settings: Settings) -> Format:
    usual = _OF_FLOAT if bits == 32 else _USUAL
    return formats.ROWS[settings.write.format or usual]


DECODING = Decoding()
