"""The calls of `import denoiser`: options as keywords, and images in any form that Python programs hold them in.

`inputs` converts what a caller passes to Images and back, `opened` keeps models loaded, `calls` are the functions.
"""
