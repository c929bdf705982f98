"""Encodes images as latent files and decodes them.

`encode.Encoder` and `decode.Decoder` are the entry points. `container` reads and writes files, `entropy` codes
symbols, `exact` stores lossless images, `transform` runs the network. Lossless files need no torch.
"""
