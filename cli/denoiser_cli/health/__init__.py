"""The checks of `denoise doctor`, by part, and their page."""
