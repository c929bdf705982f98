# Completion of `denoise` for fish, read at the first TAB. Each TAB runs `denoise`.
_DENOISE_COMPLETE=fish_source denoise | source
