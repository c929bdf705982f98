"""One picture to a latent file and back.

entropy/      what must be the same everywhere: whole numbers to bytes
container/    the file: header, chunks, checksums
exact.py      pictures and alpha bit for bit
"""
