"""Autoencoders as estimators; maps, similar images, segments, filled masks. Names are resolved lazily."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from denoiser.workbench.analysis import cluster, feature_space, lay_out, located, probe
    from denoiser.workbench.autoencoder import Autoencoder, load_autoencoder
    from denoiser.workbench.codes import explain, interpolate, strongest_images
    from denoiser.workbench.embedding import embed, read_table, write_table
    from denoiser.workbench.encoder import load_encoder
    from denoiser.workbench.inpainting import inpaint
    from denoiser.workbench.map_page import map_image, map_page
    from denoiser.workbench.segmentation import segment
    from denoiser.workbench.similar import find_like, find_similar

_HOMES = {
    "Autoencoder": "autoencoder",
    "cluster": "analysis",
    "embed": "embedding",
    "explain": "codes",
    "feature_space": "analysis",
    "find_like": "similar",
    "find_similar": "similar",
    "inpaint": "inpainting",
    "interpolate": "codes",
    "lay_out": "analysis",
    "load_autoencoder": "autoencoder",
    "load_encoder": "encoder",
    "located": "analysis",
    "map_image": "map_page",
    "map_page": "map_page",
    "probe": "analysis",
    "read_table": "embedding",
    "segment": "segmentation",
    "strongest_images": "codes",
    "write_table": "embedding",
}

__all__ = [
    "Autoencoder",
    "cluster",
    "embed",
    "explain",
    "feature_space",
    "find_like",
    "find_similar",
    "inpaint",
    "interpolate",
    "lay_out",
    "load_autoencoder",
    "load_encoder",
    "located",
    "map_image",
    "map_page",
    "probe",
    "read_table",
    "segment",
    "strongest_images",
    "write_table",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'denoiser.workbench' has no attribute {name!r}")
    return getattr(import_module(f"denoiser.workbench.{_HOMES[name]}"), name)
