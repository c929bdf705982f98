"""All errors that users can meet, with their exit codes and default hints.

    DenoiserError                    1   something failed
    ├── UsageError                   2   invalid arguments
    ├── NothingToDo                  3   no image was found
    ├── Missing                      4   something required is not available
    │   ├── MissingExtra                 a package of an optional extra
    │   ├── MissingDevice                the requested device
    │   ├── MissingCluster               a Ray cluster at the given address
    │   ├── MissingDisplay               a display, or the system libraries that Qt needs
    │   ├── MissingModel                 no weights of that name
    │   ├── UnknownWeights               the weights that a latent file needs
    │   └── BrokenInstall                incompatible packages
    ├── Refused                      5   refused for safety
    │   ├── UnsafeOutput                 an output would overwrite an input
    │   ├── ForeignOutput                an output would replace a file of unknown origin
    │   │   └── OtherOptions             an output would replace one that was made with other options
    │   └── UntrustedWeights             a weights file that is modified, truncated or invalid
    │       └── InexactWeights           codec weights that could decode differently elsewhere
    ├── UnreadableImage              1   the file cannot be read as an image
    │   ├── UnsupportedFormat            an unsupported format
    │   │   └── NewerLatent              a latent file from a newer version
    │   ├── DamagedLatent                a latent file that is truncated or corrupt
    │   └── ImageTooLarge                more pixels than the limit
    ├── UnwritableImage              1   the image cannot be written
    │   └── OutputFull                   no space left, or the quota is exceeded
    ├── UnusableData                 1   images unsuitable for training or evaluation
    ├── FaultyResult                 1   the output failed the sanity check or the verification
    ├── StoreUnavailable             1   a store of objects does not answer
    ├── TrainingFailed               1   training diverged
    └── Cancelled                  130   stopped by the user

The message is one line with the file and the cause; the hint is one line with the remedy. Both are safe to print
for any file name: control characters are escaped.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

# File names may contain line breaks, terminal control sequences and undecodable bytes.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class DenoiserError(Exception):
    """Base class of all errors that users can meet; any other exception is a bug."""

    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = _on_one_line(message)
        self.hint = _on_one_line(self.default_hint if hint is None else hint)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses have other arguments. Errors of workers arrive pickled.
        return _rebuilt, (type(self), self.args), self.__dict__


class UsageError(DenoiserError):
    """Invalid arguments, or a value out of range."""

    exit_code = 2
    default_hint = "Run `denoise --help` for usage and examples."


class NothingToDo(DenoiserError):
    """No image was found in the given paths."""

    exit_code = 3


class Missing(DenoiserError):
    """Something required is not available: a package, a device, a display or a model."""

    exit_code = 4


class MissingExtra(Missing):
    """A package of an optional extra is not installed."""

    def __init__(self, message: str, *, extra: str) -> None:
        super().__init__(message, hint=f"Install it with `pip install 'denoiser-studio[{extra}]'`.")
        self.extra = extra


class MissingDevice(Missing):
    """The requested device cannot be used on this machine."""

    default_hint = "Use --device auto, or omit --device."


class MissingCluster(Missing):
    """No Ray cluster can be reached at the given address."""

    default_hint = "Use --cluster local for workers on this machine, or start one with `ray start --head`."


class MissingDisplay(Missing):
    """No display, or its system libraries are not installed."""


class MissingModel(Missing):
    """No weights of that name, and no such file."""

    default_hint = "Run `denoise models` for a list of the installed weights."


class UnknownWeights(Missing):
    """A latent file needs weights that are not installed."""

    default_hint = "Install the version of denoise that wrote the file, or pass its weights with --model."


class BrokenInstall(Missing):
    """Two installed packages are incompatible."""


class Refused(DenoiserError):
    """Refused because it could destroy data or load untrusted files."""

    exit_code = 5


class UnsafeOutput(Refused):
    """An output would overwrite an input: the same path, a symbolic link or a hard link."""

    default_hint = "Choose another --out; inputs are never overwritten."


class ForeignOutput(Refused):
    """The output exists, and no record shows that it was made from the same image."""

    default_hint = "Replace it with --overwrite, or choose another --out."


class OtherOptions(ForeignOutput):
    """The output exists, and was made with other options or weights."""

    default_hint = "Make it again with --overwrite, or choose another --out."


class UntrustedWeights(Refused):
    """A weights file that is modified, truncated, or does not match its card."""

    default_hint = "Reinstall the package, or download the weights file again."


class InexactWeights(UntrustedWeights):
    """The integer part of codec weights could decode to other symbols on another machine."""


class UnreadableImage(DenoiserError):
    """The file cannot be read as an image: corrupt, truncated, or not an image."""

    default_hint = "The file was not changed. Copy it again from the original source."


class UnsupportedFormat(UnreadableImage):
    """An unsupported format, or an unsupported variant of a format."""

    default_hint = "Supported: PNG, JPEG, TIFF, WebP, AVIF and BMP; extras add HEIC, JPEG XL and camera RAW."


class NewerLatent(UnsupportedFormat):
    """A latent file that needs a newer version of the program."""

    default_hint = "Upgrade: pip install --upgrade denoiser-studio."


class DamagedLatent(UnreadableImage):
    """A latent file that is truncated, corrupt or inconsistent; it is never decoded to an image."""


class ImageTooLarge(UnreadableImage):
    """More pixels than the limit; raised before memory is allocated."""

    default_hint = "If you trust the file, raise the limit with --max-pixels."


class UnwritableImage(DenoiserError):
    """The image cannot be written in that format or to that path."""


class OutputFull(UnwritableImage):
    """No space is left on the target device, or the quota is exceeded."""

    default_hint = "Free some space and run the same command again; finished files are kept."


class UnusableData(DenoiserError):
    """Images unsuitable for training or evaluation: none, too few, too small, or unpaired."""


class FaultyResult(DenoiserError):
    """The output failed the sanity check, or an encoded file does not decode to its input."""

    default_hint = "Nothing was written. Try --device cpu --precision fp32, or another --model."


class StoreUnavailable(DenoiserError):
    """A store of objects did not answer for minutes, or the run was stopped while it did not."""

    default_hint = "Run the same command again when the store answers; finished files are kept."


class TrainingFailed(DenoiserError):
    """The loss is not finite; the last checkpoint is kept."""


class Cancelled(DenoiserError):
    """Stopped by the user; finished files are kept."""

    exit_code = 130


def _rebuilt(kind: type[DenoiserError], arguments: tuple[Any, ...]) -> DenoiserError:
    return kind.__new__(kind, *arguments)


def _on_one_line(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
