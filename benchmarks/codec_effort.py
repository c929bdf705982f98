"""Bits for equal PSNR and core time of encoding at several efforts, on the same photos.

BD-rate by RGB PSNR over 0.15 to 1.5 bits per pixel against the first effort; "s/MP" is core time, so that other
work on the machine does not count.

    python benchmarks/codec_effort.py --data PHOTOS --limit 3 --efforts 1 2 4 5 7
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import contract
import numpy as np

from denoiser import imageio
from denoiser.codec import container
from denoiser.codec.decode import Decoder
from denoiser.codec.encode import Encoder
from denoiser.evaluation.bd_rate import bd_rate
from denoiser.evaluation.rate_distortion import COMPARED_RATES
from denoiser.evaluation.samples import clean_images, evenly
from denoiser.image import Image
from denoiser.imageio import depth
from denoiser.metrics import psnr
from denoiser.options import DecodeOptions, EncodeOptions


def main() -> int:
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="photos")
    parser.add_argument("--limit", type=int, metavar="N", help="N photos, spread over the folder")
    parser.add_argument("--efforts", type=int, nargs="+", default=[1, 2, 3, 5, 7], metavar="N")
    parser.add_argument("--qualities", type=int, nargs="+", default=[25, 50, 75], metavar="Q")
    parser.add_argument("--model", default="auto", help="weights of a codec (the shipped ones)")
    words = parser.parse_args()
    report = contract.Report(__doc__, words)
    photos = [in_8_bits(path) for path in evenly(clean_images(words.data), words.limit)]
    decoder = Decoder(DecodeOptions(model=words.model))
    first: list[tuple[float, float]] = []
    for effort in words.efforts:
        curve, seconds, megapixels = [], 0.0, 0.0
        for quality in words.qualities:
            encoder = Encoder(EncodeOptions(quality=quality, effort=effort, strip=True, model=words.model))
            points = []
            for photo in photos:
                began = time.process_time()
                data = encoder.encode(photo).data
                seconds += time.process_time() - began
                megapixels += photo.megapixels
                decoded = decoder.decode(container.read_bytes(data, "the latent file"), "the latent file").image
                points.append(
                    (8 * len(data) / photo.megapixels / 1e6, psnr(decoded.pixels, photo.pixels, white=255))
                )
            curve.append(tuple(np.mean(points, axis=0).tolist()))
        first = first or curve
        report.add_facts(
            f"{len(photos)} photos",
            f"effort {effort}",
            **{
                "bits for equal PSNR, %": round(bd_rate(curve, first, rates=COMPARED_RATES), 2),
                "s/MP": round(seconds / megapixels, 2),
                "bits per pixel / dB": ", ".join(f"{bits:.3f}/{decibels:.2f}" for bits, decibels in curve),
            },
        )
    return report.finish()


def in_8_bits(path: Path) -> Image:
    """The photo in three channels of 8 bits."""
    pixels, _ = depth.at_depth(imageio.read(path), 8)
    return Image(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))


if __name__ == "__main__":
    sys.exit(main())
