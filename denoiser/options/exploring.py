"""Options for exploring images."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import check, control


@dataclass(frozen=True, slots=True)
class ExploreOptions:
    """How images are embedded, laid out and clustered."""

    model: str = control(
        "fast", help="Encoder: fast, best, codec, or the .safetensors file of a trained autoencoder or denoiser."
    )
    layout: str = control("tsne", help="How the map is laid out.", choices=("pca", "tsne", "umap"))
    clusters: int | None = control(
        None,
        help="Number of clusters; auto chooses it by the silhouette.",
        minimum=1,
        maximum=1000,
        automatic=True,
    )
    seed: int = control(0, help="Random seed of layout and clusters.", minimum=0, maximum=2**32 - 1)

    def __post_init__(self) -> None:
        check(self)
