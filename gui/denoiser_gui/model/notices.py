"""Notices for the user, and messages and hints of errors in the language of the window.

A notice has one line, one action, and a key to replace or remove it. Hints contain no command-line options.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from denoiser import errors
from denoiser.errors import DenoiserError
from denoiser_gui.translation import ENGLISH, language, tr


class Severity(Enum):
    """Severity of a notice."""

    INFO = "info"
    QUESTION = "question"
    ERROR = "error"


@dataclass(frozen=True, slots=True, eq=False)
class Notice:
    """One line for the user. It replaces a notice with the same *key*, and disappears when the key is solved."""

    key: str
    text: str
    hint: str = ""
    severity: Severity = Severity.INFO
    action: str = ""  # label of its button; empty for none
    act: Callable[[], object] | None = None


def failure(key: str, error: DenoiserError, action: str = "", act: Callable[[], object] | None = None) -> Notice:
    """The notice of an error: message and hint in the language of the window."""
    return Notice(key, message_of(error), hint_of(error), Severity.ERROR, action, act)


# The nearest base class of an error applies. Classes that are missing here keep the hint of denoiser.errors.
HINTS: dict[type[DenoiserError], str] = {
    errors.ForeignOutput: "A file with this name already exists. Replace it or choose another folder.",
    errors.UnsafeOutput: "Choose another folder. Source photos are never overwritten.",
    errors.ImageTooLarge: "Use the command line with --max-pixels for larger photos.",
    errors.MissingDevice: "Set Device to Auto.",
    errors.MissingCluster: "",  # the window uses no cluster
    errors.MissingModel: "Set Model to Auto.",
    errors.UnknownWeights: "Install the version of denoise that wrote the file.",
    errors.NewerLatent: "Install a newer version of denoise.",
    errors.OutputFull: "Free disk space and start again. Finished photos are kept.",
    errors.FaultyResult: "Nothing was written. Try another model, or set Device to CPU.",
    errors.StoreUnavailable: "Try again later. Finished photos are kept.",
    errors.UsageError: "",
}
# Messages contain file names and details, in English. In another language this summary comes first.
SUMMARIES: dict[type[DenoiserError], str] = {
    errors.UsageError: "Invalid value.",
    errors.NothingToDo: "No photos found.",
    errors.Missing: "A required component is missing.",
    errors.MissingExtra: "An optional package is not installed.",
    errors.MissingDevice: "The device is not available.",
    errors.MissingModel: "Model not found.",
    errors.UnknownWeights: "The model of this latent file is not installed.",
    errors.UnsafeOutput: "The output would overwrite a source photo.",
    errors.ForeignOutput: "The file already exists.",
    errors.UntrustedWeights: "The model file is modified or damaged.",
    errors.UnreadableImage: "The file cannot be read as an image.",
    errors.UnsupportedFormat: "The format is not supported.",
    errors.NewerLatent: "The latent file needs a newer version of denoise.",
    errors.DamagedLatent: "The latent file is damaged.",
    errors.ImageTooLarge: "The image is too large.",
    errors.UnwritableImage: "The file cannot be written.",
    errors.OutputFull: "The disk is full.",
    errors.FaultyResult: "The result failed the sanity check.",
    DenoiserError: "An error occurred.",
}


def message_of(error: DenoiserError) -> str:
    """The message of an error; outside English a translated summary, followed by the message for details."""
    if language() == ENGLISH:
        return error.message
    summary = next(SUMMARIES[kind] for kind in type(error).__mro__ if kind in SUMMARIES)
    return f"{tr(summary)} {error.message}"


def hint_of(error: DenoiserError) -> str:
    """What to do about an error, in one line, translated where possible; empty where there is nothing to do."""
    if error.hint != type(error).default_hint:
        return tr(error.hint)  # specific to this error
    for kind in type(error).__mro__:
        if kind in HINTS:
            return tr(HINTS[kind]) if HINTS[kind] else ""
    return tr(error.hint) if error.hint else ""
