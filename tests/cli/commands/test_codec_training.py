"""`denoise train codec` and `denoise evaluate codec`, as people type them."""

import json
import xml.etree.ElementTree as ET

import pytest
from skimage import data

from denoiser import imageio
from denoiser.image import from_numpy

RECIPE = """
[network]
architecture = "latent-codec-1"
width = 192
blocks = [1, 1]
latents = 48
hyper = 4
features = 8
halo = 64

[noise]
white = 1.0
camera = 0.0
shaped = 0.0
clean = 0.0

[[stage]]
until = 1.0
patch = 64
batch = 2
loss = "rate-distortion"

[more]
noisy_share = 0.3
"""


@pytest.fixture
def photos(tmp_path):
    """Two small crops of a photo, and the recipe beside them."""
    (tmp_path / "photos").mkdir()
    for number in range(2):
        crop = data.astronaut()[100 * number : 100 * number + 192, 60:252]
        imageio.write(from_numpy(crop), tmp_path / "photos" / f"{number}.png")
    (tmp_path / "codec-tiny.toml").write_text(RECIPE)


def test_a_folder_becomes_a_codec_that_can_be_evaluated(call, photos, tmp_path):
    trained = call(
        "train", "codec", "--data", "photos", "--out", "run", "--recipe", "codec-tiny.toml", "--minutes", "0.01"
    )
    assert (trained.code, trained.out.strip()) == (0, "run/codec-tiny.safetensors"), trained.err
    words = ("--data", "photos", "--limit", "1", "--precision", "fp32", "--model", trained.out.strip())
    answer = call("evaluate", "codec", *words, "--json", "--picture", "curves.svg")
    assert answer.code == 0, answer.err
    values = json.loads(answer.out)
    assert values["pictures"] == 1
    assert {"latent", "JPEG", "WebP", "AVIF"} <= values["codecs"].keys()
    assert "curves.svg" in answer.err
    assert ET.fromstring((tmp_path / "curves.svg").read_text()).tag.endswith("svg")
    told = call("models", trained.out.strip(), "--verify")
    assert told.code == 0, told.err
    assert "verified and loaded" in told.out
    assert "A codec: network latent-codec-1" in told.out


@pytest.mark.parametrize("words", [("--pairs", "photos"), ("--noisy", "photos"), ()])
def test_a_codec_learns_from_clean_photos_alone(call, photos, words):
    answer = call("train", "codec", "--out", "run", *words)
    assert answer.code == 2
    assert "clean photos only" in answer.err


@pytest.mark.parametrize("words", [("--from", "fast"), ("--teacher", "fast")])
def test_what_a_codec_does_not_have_is_refused(call, photos, words):
    answer = call("train", "codec", "--data", "photos", "--out", "run", *words)
    assert answer.code == 2
    assert "trained from scratch" in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "pairs"), "--kind applies to"),
        (("--level", "10"), "--level applies to"),
        (("--baseline", "nlm"), "--baseline applies to"),
        (("--noise-level", "10"), "--noise-level applies to"),
        (("--picture", "curves.png"), "drawn as SVG"),
        (("--picture", "nowhere/curves.svg"), "no folder nowhere"),
    ],
)
def test_words_that_say_nothing_to_a_codec(call, photos, tiny_codec, words, said):
    answer = call("evaluate", "codec", "--data", "photos", "--model", str(tiny_codec), *words)
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.strip().splitlines()) == 2


def test_a_denoiser_is_no_codec(call, photos):
    answer = call("evaluate", "codec", "--data", "photos", "--model", "denoiser-fast")
    assert answer.code == 4
    assert "denoiser-fast is a denoiser, not a codec" in answer.err
