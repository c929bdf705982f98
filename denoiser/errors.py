"""The ways to fail, each with the exit code and the hint that a person needs.

    DenoiserError                    1   something failed
    ├── UsageError                   2   the words of the call do not fit together
    ├── NothingToDo                  3   no picture was found
    ├── Missing                      4   something needed is not here
    │   ├── MissingExtra                 a package of an optional extra
    │   ├── MissingDevice                the device that was asked for
    │   ├── MissingDisplay               a screen, or the system libraries that Qt needs
    │   ├── MissingModel                 no weights of that name
    │   ├── UnknownWeights               a latent file needs weights that are not here
    │   └── BrokenInstall                packages that do not fit each other
    ├── Refused                      5   it could be done, and would do harm
    │   ├── UnsafeOutput                 an output would land on an input
    │   ├── ForeignOutput                an output would replace a file that was not made here
    │   └── UntrustedWeights             a weights file that is changed, cut or foreign
    │       └── InexactWeights           integers in it could give other symbols on another machine
    ├── UnreadableImage              1   this file gives no trustworthy picture
    │   ├── UnsupportedFormat            not a format that is read here
    │   │   └── NewerLatent              a latent file of a version after this one
    │   ├── DamagedLatent                a latent file that is cut, changed, or contradicts itself
    │   └── ImageTooLarge                more pixels than the limit: refused before allocation
    ├── UnwritableImage              1   this picture cannot be written that way
    │   └── OutputFull                   no space left, or a quota is used up
    ├── UnusableData                 1   pictures that cannot be trained or measured on
    ├── SpoiltResult                 1   the model's output is wrong nearly everywhere
    ├── TrainingFailed               1   the numbers left the rails
    └── Cancelled                  130   stopped on request

A message is one line that names the file and the cause; the hint is one line that says what to do. Whatever a file
is called, both can be printed: characters that would break the line or steer a terminal are shown as escapes.
"""

from __future__ import annotations

import re
from typing import ClassVar

# A name may hold line breaks, terminal commands, and bytes that are no text: none of them may reach a screen.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class DenoiserError(Exception):
    """The root of all errors that a user can meet; anything else that escapes is a bug."""

    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = _on_one_line(message)
        self.hint = _on_one_line(self.default_hint if hint is None else hint)
        super().__init__(self.message)


class UsageError(DenoiserError):
    """The words of the call do not fit together, or a value is out of its range."""

    exit_code = 2
    default_hint = "`denoise --help` shows the calls with examples."


class NothingToDo(DenoiserError):
    """No picture was found where the caller pointed."""

    exit_code = 3


class Missing(DenoiserError):
    """Something needed is not here: a package, a device, a display, a model."""

    exit_code = 4


class MissingExtra(Missing):
    """A package of an optional extra is not installed."""

    def __init__(self, message: str, *, extra: str) -> None:
        super().__init__(message, hint=f"Install it with `pip install 'denoiser-studio[{extra}]'`.")
        self.extra = extra


class MissingDevice(Missing):
    """The device that was asked for by name is not usable on this machine."""

    default_hint = "Use `--device auto`, or leave it out."


class MissingDisplay(Missing):
    """No screen, or no system libraries for one."""


class MissingModel(Missing):
    """No weights of that name, and no such file."""

    default_hint = "`denoise models` lists what is there."


class UnknownWeights(Missing):
    """A latent file was made with weights that are not installed here."""

    default_hint = "Install the version of the package that made the file, or put its weights beside the others."


class BrokenInstall(Missing):
    """Two installed packages do not fit each other."""


class Refused(DenoiserError):
    """It could be done, and would do harm."""

    exit_code = 5


class UnsafeOutput(Refused):
    """An output would land on an input, by name, by link or by hard link."""

    default_hint = "Choose another --out: an input is never written to."


class ForeignOutput(Refused):
    """A file is where an output should go, and no record says that it was made from the same picture."""

    default_hint = "--overwrite replaces it; another --out keeps it."


class UntrustedWeights(Refused):
    """A weights file that is changed, cut, or not what its card says."""

    default_hint = "Install the package again, or fetch the weights file again from where it came."


class InexactWeights(UntrustedWeights):
    """The integer part of the codec's weights could give other symbols on another machine."""


class UnreadableImage(DenoiserError):
    """This file gives no trustworthy picture: broken, cut, or not an image."""

    default_hint = "The file is left as it is; a copy from its source may be whole."


class UnsupportedFormat(UnreadableImage):
    """Not a format, or not a kind of a format, that is read here."""

    default_hint = "Read are PNG, JPEG, TIFF, WebP, AVIF and BMP; extras add HEIC, JPEG XL and camera RAW."


class NewerLatent(UnsupportedFormat):
    """A latent file that needs what only a later version knows."""

    default_hint = "Install a newer version of the package."


class DamagedLatent(UnreadableImage):
    """A latent file that is cut, changed, or contradicts itself; it never becomes a picture."""


class ImageTooLarge(UnreadableImage):
    """More pixels than the limit allows; refused before anything is allocated."""

    default_hint = "If the file is trusted, raise the limit with --max-pixels."


class UnwritableImage(DenoiserError):
    """This picture cannot be written that way or to that place."""


class OutputFull(UnwritableImage):
    """No space is left in the target folder, or a quota is used up."""

    default_hint = "Free some space and run the same command again: finished files are kept."


class UnusableData(DenoiserError):
    """Pictures that cannot be trained or measured on: none, too few, too small, or not paired."""


class SpoiltResult(DenoiserError):
    """The model's output is wrong nearly everywhere: invented structure, or values that are not finite."""

    default_hint = "The output is not written. Try --device cpu --precision fp32, or another --model."


class TrainingFailed(DenoiserError):
    """The numbers left the rails; the last good checkpoint is kept."""


class Cancelled(DenoiserError):
    """Stopped on request; what was finished is kept."""

    exit_code = 130


def _on_one_line(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
