"""The verbs and their line in `denoise --help`; a verb's module is imported when it is called, and not before."""

from __future__ import annotations

VERBS = {
    "clean": "Clean pictures. The default: `denoise ./imgs --out ./clean`.",
    "encode": "Make small latent files (.dlf) of pictures.",
    "decode": "Make pictures of latent files.",
    "info": "Say what latent files hold.",
    "verify": "Prove latent files whole, without writing.",
    "estimate": "Say how noisy pictures are: table, JSON, CSV.",
    "watch": "Clean what arrives in a folder, once, for as long as it runs.",
    "compare": "Draw noisy and clean side by side, with PSNR and SSIM.",
    "redo": "Make an output again from its ticket, and compare.",
    "samples": "Write a few noisy sample photos to try it on.",
    "models": "List, verify and explain the weights.",
    "evaluate": "Measure a denoiser as the papers do.",
    "train": "Train a denoiser, a codec or the noise estimator on your photos.",
    "doctor": "Say what is installed, how fast it is, and what is wrong or slow.",
    "gui": "Open the desktop app.",
}
DEFAULT_VERB = "clean"
