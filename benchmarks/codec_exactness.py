"""Whether latent files decode to the symbols that were encoded, for any number of threads.

Each photo is encoded with one of the numbers of threads and decoded with all of them. Symbols are compared with
their checksum, pixels with those of the first decoding.

    python benchmarks/codec_exactness.py --data PHOTOS --limit 100
"""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path

import contract
import numpy as np
import torch
from codec_effort import in_8_bits

from denoiser.codec import container
from denoiser.codec.decode import Decoder
from denoiser.codec.encode import Encoder
from denoiser.errors import DamagedLatent
from denoiser.evaluation.samples import clean_images, evenly
from denoiser.image import Image
from denoiser.options import DecodeOptions, EncodeOptions

THREADS = (1, 2, 3, 4)


def main() -> int:
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="photos")
    parser.add_argument("--limit", type=int, metavar="N", help="N photos, spread over the folder")
    parser.add_argument(
        "--side", type=int, default=512, metavar="N", help="pixels of the centre that is used (512)"
    )
    parser.add_argument("--qualities", type=int, nargs="+", default=[5, 25, 50, 75, 95], metavar="Q")
    parser.add_argument(
        "--efforts", type=int, nargs="+", default=[1, 1, 1, 2, 4], metavar="N", help="of each quality"
    )
    words = parser.parse_args()
    report = contract.Report(__doc__, words)
    photos = [_centre(in_8_bits(path), words.side) for path in evenly(clean_images(words.data), words.limit)]
    decoder, threads = Decoder(DecodeOptions()), cycle(THREADS)
    for quality, effort in zip(words.qualities, words.efforts, strict=True):
        encoder = Encoder(EncodeOptions(quality=quality, effort=effort, strip=True))
        decodings, symbols, pixels = 0, 0, 0
        for photo in photos:
            torch.set_num_threads(next(threads))
            file = container.read_bytes(encoder.encode(photo).data, "the latent file")
            first: np.ndarray | None = None
            for number in THREADS:
                torch.set_num_threads(number)
                decodings += 1
                try:
                    decoded = decoder.decode(file, "the latent file").image.pixels
                except DamagedLatent:
                    symbols += 1
                    continue
                first = decoded if first is None else first
                pixels += not np.array_equal(decoded, first)
        report.add_facts(
            f"{len(photos)} photos, quality {quality}, effort {effort}",
            f"{len(THREADS)} numbers of threads",
            decodings=decodings,
            **{"wrong symbols": symbols, "other pixels": pixels},
        )
    return report.finish()


def _centre(image: Image, side: int) -> Image:
    top, left = max(0, (image.height - side) // 2), max(0, (image.width - side) // 2)
    return Image(np.ascontiguousarray(image.pixels[top : top + side, left : left + side]))


if __name__ == "__main__":
    sys.exit(main())
