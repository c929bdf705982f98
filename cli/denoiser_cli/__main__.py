"""`python -m denoiser_cli` is `denoise`."""

from denoiser_cli.app import main

main()
