"""One module per command; they are imported on first use. `COMMANDS` has their lines in `denoise --help`."""

from __future__ import annotations

COMMANDS = {
    "clean": "Remove noise from images (the default command).",
    "encode": "Compress images to latent files (.dlf).",
    "decode": "Decode latent files to images.",
    "info": "Show the content of latent files.",
    "verify": "Check latent files without decoding them to disk.",
    "estimate": "Estimate the noise of images.",
    "watch": "Watch a folder and clean new images.",
    "compare": "Compare noisy and clean images on a sheet.",
    "redo": "Repeat the processing of an output and compare.",
    "samples": "Write noisy sample photos.",
    "models": "List, verify and describe models.",
    "evaluate": "Measure a denoiser or a codec on benchmarks.",
    "train": "Train a denoiser, a codec or the noise estimator.",
    "doctor": "Check the installation and measure its speed.",
    "gui": "Open the desktop app.",
}
DEFAULT_COMMAND = "clean"
