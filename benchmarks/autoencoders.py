"""Autoencoders on digits and MNIST: training time, reconstruction beside PCA, likelihood, and linear probes.

    python benchmarks/autoencoders.py --data mnist.npz
    python benchmarks/autoencoders.py --data mnist.npz --part likelihood

The parts: kinds (each kind on the digits of scikit-learn), codes (reconstruction by the size of the code), science
(the code of 30 numbers of Hinton and Salakhutdinov), likelihood (on binarised MNIST, by importance sampling) and
probe (logistic regression on codes of 32 numbers). Errors are sums of squares over the pixels of an image, on the
test images. Seconds are of the clock and of all cores together.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any

import contract
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from denoiser.options.autoencoders import KINDS
from denoiser.training.autoencoder import SQUARED_ERROR, pca_error
from denoiser.training.image_sets import ImageSet, as_floats, load_image_set
from denoiser.workbench.autoencoder import Autoencoder

PARTS = ("kinds", "codes", "science", "likelihood", "probe")
CONVOLUTIONAL: dict[str, Any] = {
    "network": "convolutional",
    "blocks": "residual",
    "activation": "silu",
    "batch": 256,
}
VARIATIONAL: dict[str, Any] = {
    "kind": "variational",
    "layers": "500,500",
    "activation": "silu",
    "code": 50,
    "epochs": 40,
    "learning_rate": 0.001,
}
LIKELIHOOD_IMAGES, SAMPLES = 2000, 500


def train(images: ImageSet, **parameters: Any) -> tuple[Autoencoder, dict[str, float]]:
    """A model fitted on *images*, with its seconds and its error on the test images."""
    clock, cpu = time.perf_counter(), time.process_time()
    model = Autoencoder(**parameters).fit_set(images)
    facts = {"seconds": time.perf_counter() - clock, "core seconds": time.process_time() - cpu}
    test = numpy_of(images.test)
    error = np.square(model.reconstruct(test) - test).reshape(len(test), -1).sum(axis=1)
    return model, facts | {SQUARED_ERROR: float(error.mean())}


def numpy_of(images: torch.Tensor) -> np.ndarray:
    return as_floats(images)[:, 0].numpy()


def binarised(images: ImageSet, rng: np.random.Generator) -> ImageSet:
    """*images* with each pixel drawn once as 0 or 1, with its brightness as the chance of 1."""

    def drawn(half: torch.Tensor) -> torch.Tensor:
        chance = rng.random(tuple(half.shape), dtype=np.float32)
        return (torch.from_numpy(chance) < as_floats(half)).to(torch.uint8) * 255

    return replace(images, train=drawn(images.train), test=drawn(images.test))


def probe(model: Autoencoder, images: ImageSet) -> float:
    """Share of test images whose label logistic regression predicts from their code."""
    train, test = (model.transform(numpy_of(half)) for half in (images.train, images.test))
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(train, images.train_labels)
    return float(classifier.score(test, images.test_labels))


def kinds(report: contract.Report) -> None:
    digits = load_image_set("digits")
    for kind in KINDS:
        model, facts = train(digits, kind=kind)
        code = model.network_.code_size
        report.add_facts("digits", kind, code=code, **facts, PCA=pca_error(digits, min(code, 64)))


def codes(report: contract.Report, mnist: ImageSet) -> None:
    for code in (2, 4, 8, 16, 32):
        _, facts = train(mnist, code=code, layers="512,256,128", activation="silu", epochs=10, learning_rate=0.001)
        report.add_facts("MNIST", f"code of {code}", **facts, PCA=pca_error(mnist, code))


def science(report: contract.Report, mnist: ImageSet) -> None:
    _, facts = train(mnist, code=30, shift=0.04, epochs=10, **CONVOLUTIONAL)
    report.add_facts("MNIST", "convolutional, code of 30", **facts, PCA=pca_error(mnist, 30))


def likelihood(report: contract.Report, mnist: ImageSet) -> None:
    images = binarised(mnist, report.rng)
    model, facts = train(images, **VARIATIONAL)
    test = numpy_of(images.test[:: len(images.test) // LIKELIHOOD_IMAGES])
    nats = -model.log_likelihood(test, SAMPLES)
    facts |= {"NLL": float(nats.mean()), "standard error": float(nats.std() / len(nats) ** 0.5)}
    report.add_facts("binarised MNIST", "variational", **facts)


def probes(report: contract.Report, mnist: ImageSet) -> None:
    for name, parameters in {
        "convolutional": CONVOLUTIONAL,
        "variational, convolutional": {"kind": "variational", **CONVOLUTIONAL},
        "convolutional, with labels": {"label_weight": 20.0, **CONVOLUTIONAL},
    }.items():
        model, facts = train(mnist, code=32, epochs=5, shift=0.04, **parameters)
        report.add_facts("MNIST", name, **facts, probe=probe(model, mnist))


def main() -> int:
    arguments = contract.parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="MNIST as an .npz file")
    arguments.add_argument("--part", choices=PARTS, action="append", help="what to measure (all)")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    parts = words.part or PARTS
    mnist = load_image_set(words.data)
    if "kinds" in parts:
        kinds(report)
    for name, measure in {"codes": codes, "science": science, "likelihood": likelihood, "probe": probes}.items():
        if name in parts:
            measure(report, mnist)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
