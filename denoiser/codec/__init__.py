"""One image to a latent file and back: small, exact in what both sides must agree on, and the same everywhere.

`encode.Encoder` and `decode.Decoder` are the doors, `container` is the file, `entropy` its symbols, `exact` bits
that are kept, `transform` the network, `proof` what `denoise verify` asks. What keeps every bit needs no torch.
"""
