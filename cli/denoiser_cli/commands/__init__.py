"""One module per command; they are imported on first use. `GROUPS` has their lines in `denoise --help`."""

from __future__ import annotations

GROUPS = {
    "Clean": {
        "clean": "Remove noise from images (the default command).",
        "estimate": "Estimate the noise of images.",
        "compare": "Compare noisy and clean images on a sheet.",
        "watch": "Watch a folder and clean new images.",
        "redo": "Repeat the processing of an output and compare.",
    },
    "Compress": {
        "encode": "Compress images to latent files (.dlf).",
        "decode": "Decode latent files to images.",
        "info": "Show the content of latent files.",
        "verify": "Check latent files without decoding them to disk.",
    },
    "Explore": {
        "embed": "Write features, layout and clusters of images to a table.",
        "map": "Draw a map of images as a web page.",
        "similar": "Find duplicates and look-alikes.",
        "generate": "Generate images with a trained autoencoder.",
        "interpolate": "Show images between two images.",
        "explain": "Show what each number of a code changes.",
        "segment": "Group the pixels of images by texture and colour.",
        "restore": "Fill masked parts of images: scratches, dust, dead pixels.",
        "anomaly": "Find images that differ from good ones.",
    },
    "Train": {
        "train": "Train a denoiser, codec, noise estimator or autoencoder.",
        "evaluate": "Measure a denoiser or a codec on benchmarks.",
        "models": "List, verify and describe models.",
    },
    "Tools": {
        "samples": "Write noisy sample photos.",
        "doctor": "Check the installation and measure its speed.",
        "gui": "Open the desktop app.",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}
DEFAULT_COMMAND = "clean"
