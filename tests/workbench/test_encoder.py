"""Encoders for exploring images: sizes of the maps, independence of the batch, models that have no encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from denoiser.errors import MissingModel, UsageError
from denoiser.models import catalog, loading
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of
from denoiser.workbench.encoder import load_encoder

SCALES = {"fast": (2, 4, 8), "codec": (16,)}


@pytest.mark.parametrize("name", SCALES)
def test_maps_have_the_size_of_the_image_at_each_scale_for_any_size(name: str) -> None:
    maps = load_encoder(name).maps(torch.rand(2, 3, 75, 50))
    assert [tuple(one.shape[2:]) for one in maps] == [(-(-75 // s), -(-50 // s)) for s in SCALES[name]]
    assert all(len(one) == 2 and one.isfinite().all() for one in maps)


@pytest.mark.parametrize("name", SCALES)
def test_an_image_has_the_same_maps_in_any_batch(name: str) -> None:
    encoder = load_encoder(name)
    images = torch.rand(3, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    together = encoder.maps(images.flip(0))
    for number, image in enumerate(images):
        alone = encoder.maps(image[None])
        assert all(torch.equal(one[0], many[2 - number]) for one, many in zip(alone, together, strict=True))


def test_the_maps_of_a_denoiser_are_those_that_it_decodes() -> None:
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    network = loading.load(catalog.find("fast", "cpu")).network
    seen: dict[str, torch.Tensor] = {}
    network.bottleneck.register_forward_hook(lambda _module, _args, out: seen.update(eighth=out))
    network(image, planes_of(Condition()))
    torch.testing.assert_close(load_encoder("fast").maps(image)[2], seen["eighth"])


def test_a_latent_file_is_no_model() -> None:
    with pytest.raises(UsageError, match=r"photo\.dlf: is a compressed image, not a model"):
        load_encoder("photo.dlf")


@pytest.mark.parametrize("name", ["estimator", "nosuch", "nosuch.safetensors"])
def test_models_without_an_encoder_are_named(name: str) -> None:
    with pytest.raises(MissingModel, match=name):
        load_encoder(name)


def test_the_features_of_an_autoencoder_are_its_code_of_the_resized_image(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from denoiser.workbench.autoencoder import Autoencoder

    random = np.random.default_rng(0)
    for shape, expected in (((40, 8, 8), (1, 8, 8)), ((40, 8, 8, 3), (1, 8, 8, 3))):
        trained = Autoencoder(kind="basic", code=5, epochs=1).fit(random.uniform(0, 1, shape).astype(np.float32))
        trained.save(tmp_path / "a.safetensors")
        encoder = load_encoder(str(tmp_path / "a.safetensors"))
        pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(4, 0).repeat(2, 1)
        small = pixels[::4, ::2] / np.float32(255)
        wanted = trained.transform((small if shape[-1] == 3 else small.mean(2))[None])
        np.testing.assert_allclose(encoder.features(pixels), wanted[0], rtol=1e-4, atol=1e-5)
        assert encoder.codes and encoder.inputs(pixels).shape == expected
        with pytest.raises(UsageError, match="has a code, not feature maps"):
            encoder.maps(torch.rand(1, 3, 8, 8))
