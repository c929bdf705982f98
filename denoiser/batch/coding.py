"""Encoding images to latent files, and decoding latent files to images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser import imageio
from denoiser.atomicfile import whole_file
from denoiser.batch.discover import FoundFile
from denoiser.batch.history import History
from denoiser.batch.layout import LATENT, Job, SourceInfo
from denoiser.batch.settings import ModelChoice, Settings
from denoiser.batch.weights import DeviceChooser, choose_weights
from denoiser.batch.work import FromImages, Outcome, ToImages, Words
from denoiser.errors import DenoiserError, UnreadableImage, UnwritableImage, UsageError
from denoiser.events import CancelToken, Listener
from denoiser.image import Image
from denoiser.imageio import formats
from denoiser.imageio.formats import Format

if TYPE_CHECKING:
    from denoiser.codec.container import LatentFile
    from denoiser.codec.decode import Decoder
    from denoiser.codec.encode import Encoded, Encoder
    from denoiser.estimation.series import Series
    from denoiser.options import EncodeOptions

_EXACT = ModelChoice("exact", "")  # lossless encoding needs no weights


class EncodeWork(FromImages["Encoded", "Encoder"]):
    """Encodes images to latent files."""

    words = Words(
        verb="encode",
        done="encoded",
        takes="image",
        makes="latent files",
        known="Supported: PNG, JPEG, TIFF, WebP, AVIF and BMP; extras add HEIC, JPEG XL and camera RAW.",
        example="denoise encode ./imgs --out ./latents",
        pipes=("denoise encode - --out b.dlf < a.png", "denoise encode a.png --out - > b.dlf"),
    )

    def makes(self, target: Path) -> bool:
        """Return whether the suffix is .dlf."""
        return target.suffix.lower() in LATENT.suffixes

    def row(self, target: Path) -> Format:
        """Return the row of latent files; raise UsageError for another suffix."""
        if not self.makes(target):
            raise UsageError(
                f"{target}: the name of a latent file must end in {LATENT.suffix}.",
                hint=f"For example --out {target.with_suffix(LATENT.suffix).name}, or a folder {target}/",
            )
        return LATENT

    def inspect(self, find: FoundFile, settings: Settings) -> SourceInfo:
        """Return the size."""
        try:
            header = imageio.probe(find.path)
        except DenoiserError:  # reported when the file is read
            return self.guess(find, settings)
        return SourceInfo(find.path, find.below, LATENT, header.width * header.height / 1e6)

    def guess(self, find: FoundFile, settings: Settings) -> SourceInfo:  # noqa: ARG002 - see BatchWork
        """Return the row of latent files."""
        return SourceInfo(find.path, find.below, LATENT)

    def choose(self, settings: Settings, history: History, choose_device: DeviceChooser) -> ModelChoice:
        """Return the codec; none for lossless encoding."""
        if _options(settings).lossless:
            return _EXACT
        from denoiser.codec import model

        return choose_weights(settings, history, choose_device, lambda name, _device: model.find(name))

    def open(self, choice: ModelChoice | None, settings: Settings) -> Encoder:
        """Load the encoder."""
        from denoiser.codec.encode import Encoder  # torch takes seconds

        options = _options(settings)
        return Encoder(options) if choice is None or options.lossless else choice.opened(Encoder, options)

    def make(
        self,
        content: Image,
        settings: Settings,  # noqa: ARG002 - see BatchWork
        worker: Encoder,
        *,
        series: Series | None,  # noqa: ARG002
        listener: Listener,
        cancel: CancelToken,
    ) -> Outcome[Encoded]:
        """Encode the image."""
        made = worker.encode(content, listener=listener, cancel=cancel)
        return Outcome(made, content.megapixels, _facts(made, worker), made.notes)

    def write(self, outcome: Outcome[Encoded], job: Job, settings: Settings) -> Outcome[Encoded]:  # noqa: ARG002
        """Write the file, with the times of its source."""
        with whole_file(job.target, times_ns=outcome.result.times_ns) as file:
            file.write(outcome.result.data)
        return outcome

    def row_of(self, content: Image, settings: Settings) -> Format:  # noqa: ARG002 - see BatchWork
        """Return the row of latent files."""
        return LATENT

    def encoded(self, outcome: Outcome[Encoded], row: Format, settings: Settings) -> bytes:  # noqa: ARG002
        """Return the latent file."""
        return outcome.result.data

    def try_alone(self, source: Path, target: Path) -> None:  # noqa: ARG002
        """Decode the image, and encode it losslessly."""
        from denoiser.codec import exact

        image = imageio.read(source)
        try:
            exact.encode(image)
        except UnwritableImage:
            return  # float images have no lossless encoding


def _options(settings: Settings) -> EncodeOptions:
    assert settings.encode is not None
    return settings.encode


def _facts(made: Encoded, encoder: Encoder) -> dict[str, Any]:
    facts: dict[str, Any] = {"seconds": made.seconds, "bytes": len(made.data)}
    facts |= {"picture_bytes": made.picture_bytes, "metadata_bytes": len(made.data) - made.picture_bytes}
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


ENCODING = EncodeWork()


@dataclass(frozen=True, slots=True)
class Latent:
    """A latent file that was read."""

    file: LatentFile
    name: str
    times_ns: tuple[int, int] | None = None

    @property
    def megapixels(self) -> float:
        return self.file.megapixels


class DecodeWork(ToImages[Latent, "Decoder"]):
    """Decodes latent files to images."""

    words = Words(
        verb="decode",
        done="decoded",
        takes="latent file",
        makes="images",
        known="Latent files end in .dlf; `denoise encode` makes them.",
        example="denoise decode ./latents --out ./imgs",
        pipes=("denoise decode - --out b.png < a.dlf", "denoise decode a.dlf --out - > b.png"),
    )

    def takes(self, name: Path) -> bool:
        """Return whether the suffix is .dlf."""
        return name.suffix.lower() in LATENT.suffixes

    def inspect(self, find: FoundFile, settings: Settings) -> SourceInfo:
        """Return size and format of the output."""
        from denoiser.codec import container

        try:
            header = container.probe(find.path)
        except DenoiserError:  # reported when the file is read
            return self.guess(find, settings)
        return SourceInfo(find.path, find.below, _row(header.bits, settings), header.width * header.height / 1e6)

    def guess(self, find: FoundFile, settings: Settings) -> SourceInfo:
        """Return the format for images that are not float."""
        return SourceInfo(find.path, find.below, _row(8, settings))

    def choose(self, settings: Settings, history: History, choose_device: DeviceChooser) -> ModelChoice:  # noqa: ARG002
        """Return the option unchanged: each file names its weights."""
        assert settings.decode is not None
        return ModelChoice(settings.decode.model, "")

    def open(self, choice: ModelChoice | None, settings: Settings) -> Decoder:  # noqa: ARG002 - see BatchWork
        """Return a decoder, which loads weights when a file needs them."""
        from denoiser.codec.decode import Decoder  # torch takes seconds

        assert settings.decode is not None
        return Decoder(settings.decode)

    def read(self, path: Path, settings: Settings) -> Latent:
        """Read the file; its checksums are verified, except that of the symbols."""
        from denoiser.codec import container

        file = container.read(path, settings.read)
        try:
            status = path.stat()
        except OSError as error:
            raise UnreadableImage(f"{path}: cannot be accessed ({error.strerror}).") from error
        return Latent(file, str(path), (status.st_atime_ns, status.st_mtime_ns))

    def read_bytes(self, data: bytes, name: str, settings: Settings) -> Latent:
        """Read a latent file from a pipe."""
        from denoiser.codec import container

        return Latent(container.read_bytes(data, name, settings.read), name)

    def check(self, content: Latent, row: Format) -> None:
        """Raise UnwritableImage for colours that the format cannot store."""
        imageio.refuse_colours(content.file.profile, content.file.cicp, row)

    def make(
        self,
        content: Latent,
        settings: Settings,  # noqa: ARG002 - see BatchWork
        worker: Decoder,
        *,
        series: Series | None,  # noqa: ARG002
        listener: Listener,
        cancel: CancelToken,
    ) -> Outcome[Image]:
        """Decode the image."""
        made = worker.decode(
            content.file, content.name, times_ns=content.times_ns, listener=listener, cancel=cancel
        )
        facts = {"seconds": made.seconds, "model": made.model, "device": made.device, "precision": made.precision}
        facts = {name: value for name, value in facts.items() if value != ""}
        return Outcome(made.image, made.image.megapixels, facts, made.notes)

    def row_of(self, content: Latent, settings: Settings) -> Format:
        """Return the format of --format, or the default one."""
        return _row(content.file.bits, settings)

    def try_alone(self, source: Path, target: Path) -> None:
        """Decode lossless pixels and alpha, which libraries have encoded, and encode them for the target."""
        from denoiser.codec.decode import outside_parts

        for image in outside_parts(self.read(source, Settings()).file):
            imageio.encode(image, formats.by_suffix(target).key)


def _row(bits: int, settings: Settings) -> Format:
    # PNG holds all depths of latent files without loss, except float.
    return formats.ROWS[settings.write.format or ("tiff" if bits == 32 else "png")]


DECODING = DecodeWork()
