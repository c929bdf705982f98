"""Option classes. Their ranges, units and help texts define the flags, keywords and widgets."""

from __future__ import annotations

from denoiser.options.anomaly import AnomalyOptions
from denoiser.options.autoencoders import AutoencoderOptions
from denoiser.options.cleaning import DenoiseOptions, Look
from denoiser.options.cluster import ClusterOptions
from denoiser.options.control import Control, controls
from denoiser.options.exploring import ExploreOptions
from denoiser.options.keywords import (
    DecodeKeywords,
    DenoiseKeywords,
    EncodeKeywords,
    ReadKeywords,
    WriteKeywords,
    options_of,
)
from denoiser.options.latents import DecodeOptions, EncodeOptions, reduction_of, region_of
from denoiser.options.restoring import InpaintOptions, SegmentOptions
from denoiser.options.runs import (
    BatchOptions,
    ReadOptions,
    WatchOptions,
    WriteOptions,
    bits_of,
    crop_of,
    renamed,
    shard_of,
    size_of,
)
from denoiser.options.training import EstimatorOptions, TrainOptions

__all__ = [
    "AnomalyOptions",
    "AutoencoderOptions",
    "BatchOptions",
    "ClusterOptions",
    "Control",
    "DecodeKeywords",
    "DecodeOptions",
    "DenoiseKeywords",
    "DenoiseOptions",
    "EncodeKeywords",
    "EncodeOptions",
    "EstimatorOptions",
    "ExploreOptions",
    "InpaintOptions",
    "Look",
    "ReadKeywords",
    "ReadOptions",
    "SegmentOptions",
    "TrainOptions",
    "WatchOptions",
    "WriteKeywords",
    "WriteOptions",
    "bits_of",
    "controls",
    "crop_of",
    "options_of",
    "reduction_of",
    "region_of",
    "renamed",
    "shard_of",
    "size_of",
]
