"""The two kinds of work for latent files: images are encoded to them, and decoded from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser import imageio
from denoiser.atomicfile import whole_file
from denoiser.batch import layout
from denoiser.batch.discover import Find
from denoiser.batch.history import DeviceChooser, History, choose_weights
from denoiser.batch.layout import LATENT, Job, Sighting
from denoiser.batch.settings import Choice, Settings
from denoiser.batch.work import Outcome, Words
from denoiser.errors import DenoiserError, MissingDevice, UnreadableImage, UnwritableImage, UsageError
from denoiser.events import CancelToken, Listener
from denoiser.imageio import formats
from denoiser.imageio.formats import Format
from denoiser.options import EncodeOptions

if TYPE_CHECKING:
    from denoiser.codec.container import LatentFile
    from denoiser.codec.decode import Decoder
    from denoiser.codec.encode import Encoded, Encoder
    from denoiser.estimation import Series
    from denoiser.image import Image


_EXACT = Choice("exact", "")  # what keeps every bit needs no weights


class Encoding:
    """Pictures become latent files."""

    words = Words(
        verb="encode",
        done="encoded",
        takes="image",
        makes="latent files",
        known="Supported: PNG, JPEG, TIFF, WebP, AVIF and BMP; extras add HEIC, JPEG XL and camera RAW.",
        example="denoise encode ./imgs --out ./latents",
        pipes=("denoise encode - --out b.dlf < a.png", "denoise encode a.png --out - > b.dlf"),
    )

    def refuse(self, settings: Settings) -> None:
        """What cleaning alone understands."""
        refuse_cleaning(settings)

    def takes(self, name: Path) -> bool:
        """Pictures."""
        return formats.is_picture_name(name)

    def makes(self, target: Path) -> bool:
        """Latent files."""
        return target.suffix.lower() in LATENT.suffixes

    def row(self, target: Path) -> Format:
        """That of latent files."""
        if not self.makes(target):
            raise UsageError(
                f"{target}: the name of a latent file must end in {LATENT.suffix}.",
                hint=f"For example --out {target.with_suffix(LATENT.suffix).name}, or a folder {target}/",
            )
        return LATENT

    def sight(self, find: Find, settings: Settings) -> Sighting:  # noqa: ARG002 - see Work
        """The size."""
        try:
            header = imageio.probe(find.path)
        except DenoiserError:
            return Sighting(find.path, find.below, LATENT)  # the run will meet the same error, and tell it
        return Sighting(find.path, find.below, LATENT, header.width * header.height / 1e6)

    def choose(self, settings: Settings, history: History, choose_device: DeviceChooser) -> Choice:
        """A codec; none for exact pixels."""
        if _asked(settings).lossless:
            return _EXACT
        from denoiser.codec import model

        return choose_weights(settings, history, choose_device, lambda name, _device: model.find(name))

    def open(self, choice: Choice | None, settings: Settings) -> Encoder:
        """An encoder."""
        from denoiser.codec.encode import Encoder  # torch takes seconds

        options = _asked(settings)
        if choice is None or options.lossless:
            return Encoder(options)
        try:
            return Encoder(choice.applied(options))
        except MissingDevice:
            if not choice.kept:
                raise
            return Encoder(choice.without_place().applied(options))

    def read(self, path: Path, settings: Settings) -> Image:
        """The picture."""
        return imageio.read(path, settings.read)

    def read_bytes(self, data: bytes, name: str, settings: Settings) -> Image:
        """The same from a pipe."""
        return imageio.read_bytes(data, name, settings.read)

    def make(
        self,
        content: Image,
        settings: Settings,  # noqa: ARG002 - see Work
        worker: Encoder,
        *,
        series: Series | None,  # noqa: ARG002
        listener: Listener,
        cancel: CancelToken,
    ) -> Outcome:
        """The bytes of the latent file."""
        made = worker.encode(content, listener=listener, cancel=cancel)
        return Outcome(made, content.megapixels, _facts(made, worker), made.notes)

    def write(self, outcome: Outcome, job: Job, settings: Settings) -> tuple[str, ...]:  # noqa: ARG002
        """The file, with the times of its source."""
        made: Encoded = outcome.result
        with whole_file(job.target, times_ns=made.times_ns) as file:
            file.write(made.data)
        return ()

    def encoded(self, outcome: Outcome, content: Any, settings: Settings) -> bytes:  # noqa: ARG002
        """The same bytes."""
        made: Encoded = outcome.result
        return made.data

    def try_alone(self, source: Path, target: Path) -> None:  # noqa: ARG002
        """Decodes the picture, and encodes it as exact pixels are."""
        from denoiser.codec import exact

        image = imageio.read(source)
        try:
            exact.encode(image)
        except UnwritableImage:
            return  # float is not kept exact


def refuse_cleaning(settings: Settings) -> None:
    """UsageError for options that mean something to cleaning alone."""
    batch = settings.batch
    for name, asked in (("series", batch.series), ("skip-clean", batch.skip_clean), ("crop", batch.crop)):
        if asked:
            raise UsageError(f"{name} applies to cleaning only.", hint="Leave it out.")


def _asked(settings: Settings) -> EncodeOptions:
    assert settings.encode is not None
    return settings.encode


def _facts(made: Encoded, encoder: Encoder) -> dict[str, Any]:
    facts: dict[str, Any] = {"seconds": made.seconds, "bytes": len(made.data)}
    facts["bits_per_pixel"] = round(made.bits_per_pixel, 4)
    if made.quality is None:
        return facts | {"exact": True}
    facts |= {"quality": made.quality, "model": encoder.model_name}
    facts |= {"device": encoder.device, "precision": encoder.precision}
    if made.noise is not None:
        noise = made.noise
        facts["noise"] = {"luma": noise.luma, "chroma": noise.chroma, "kind": noise.kind}
        facts["noisy_bytes"] = made.noisy_bytes
    return facts


ENCODING = Encoding()


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
