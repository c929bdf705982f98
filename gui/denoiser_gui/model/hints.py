"""What to do about an error, in words of the window: the command line's hints speak of flags."""

from __future__ import annotations

from denoiser import errors
from denoiser.errors import DenoiserError
from denoiser_gui.words import tr

# The nearest class of an error decides. Only hints that name a flag or a command are said anew here.
HINTS: dict[type[DenoiserError], str] = {
    errors.ForeignOutput: "A file of that name is there already. Replace it, or choose another folder.",
    errors.UnsafeOutput: "Choose another folder: a photo is never written over.",
    errors.ImageTooLarge: "Larger photos can be cleaned with the command line and --max-pixels.",
    errors.MissingDevice: "Choose Auto as the device.",
    errors.MissingModel: "Choose Auto as the model.",
    errors.OutputFull: "Free some space and start again: finished photos are kept.",
    errors.SpoiltResult: "Nothing was written. Try another model, or the CPU as the device.",
    errors.UsageError: "",
}


def hint_of(error: DenoiserError) -> str:
    """One line that says what to do, or nothing; in the language of the window where it is known there."""
    if error.hint != type(error).default_hint:
        return tr(error.hint)  # said for this very case
    for kind in type(error).__mro__:
        if kind in HINTS:
            return tr(HINTS[kind]) if HINTS[kind] else ""
    return tr(error.hint) if error.hint else ""
