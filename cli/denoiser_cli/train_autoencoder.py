"""`denoise train autoencoder`: trains an autoencoder on a set of small images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.options import AutoencoderOptions
from denoiser_cli.completion import complete_value
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, collect, option_flags, speaking_flags
from denoiser_cli.lines import to_stderr
from denoiser_cli.training_progress import ProgressPrinter, print_json, print_loading

if TYPE_CHECKING:
    from denoiser.training import TrainingReport
    from denoiser.training.image_sets import ImageSet

_EXAMPLES = """\
denoise train autoencoder digits --out ./basic
denoise train autoencoder mnist.npz --kind variational --out ./vae
denoise train autoencoder ./parts --size 64 --kind convolutional --out ./parts-model
denoise train autoencoder mnist.npz --kind denoising --corruption masking --out ./mask
denoise train autoencoder ./sorted --size 32 --label-weight 1 --out ./labels
"""
_TIMED = 2000  # test images in the comparison of float and int8
_SIZE, _DEVICES = click.IntRange(4, 512), click.IntRange(1, 64)
_AUGMENTATION = ("flip", "rotate", "shift")
_TRAINING = ("label_weight", *_AUGMENTATION, "epochs", "batch", "learning_rate", "private", "seed", "device")
_NETWORK = ("kind", "code", "layers", "network", "blocks", "activation", "loss")


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("data", metavar="DATA", shell_complete=complete_value)
@click.option(
    "--out", cls=Flag, required=True, metavar="DIR", help="Output folder for checkpoints, log and weights."
)
@click.option(
    "--size", cls=Flag, type=click.IntRange(4, 512), metavar="N", help="Resize images to squares of N pixels."
)
@click.option("--colour/--grey", cls=Flag, default=None, help="Train on RGB or on grey images; default as in DATA.")
@click.option("--quantise", cls=Flag, type=click.Choice(["int8"]), help="Also export the weights in 8 bits.")
@click.option("--resume", cls=Flag, is_flag=True, help="Resume from the checkpoint in the --out folder.")
@click.option("--devices", cls=Flag, type=click.IntRange(1, 64), metavar="N", help="Number of devices to train on.")
@option_flags(AutoencoderOptions, section="Network", only=_NETWORK)
@option_flags(AutoencoderOptions, section="Training", only=_TRAINING)
@option_flags(
    AutoencoderOptions,
    section="Kinds",
    only=(
        *("corruption", "corruption_level", "penalty", "penalty_weight", "sparsity", "sparsity_weight"),
        *("target_rate", "beta", "likelihood_sigma"),
    ),
)
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, data: str, out: str, size: int | None, colour: bool | None, **words: Any) -> int:
    """Train an autoencoder on small images.

    DATA is digits (of scikit-learn), an .npz file, a folder with MNIST, Fashion-MNIST or CIFAR as torchvision
    stores them, or a folder of images. The output folder gets the weights with their card, the loss curve and
    reconstructions of test images. Ctrl-C stops; --resume continues.
    """
    options = collect(AutoencoderOptions, words)
    from denoiser.training.autoencoder import train_autoencoder  # slow imports: after the arguments are checked
    from denoiser.training.data import Loading
    from denoiser.training.image_sets import load_image_set

    with stopping_politely() as cancel:
        loading = Loading(None if mode.quiet else print_loading, cancel)
        images = load_image_set(data, size=size, colour=colour, seed=options.seed, loading=loading)
        report = train_autoencoder(
            images,
            Path(out),
            options,
            devices=words["devices"],
            resume=words["resume"],
            listener=print_json if mode.json else ProgressPrinter(mode.quiet),
            cancel=cancel,
        )
    if report.rank == 0:
        _print_result(report, images, options, mode)
        if words["quantise"] and report.finished:
            _quantise(report.weights, images, mode)
    return 0 if report.finished else 130


def _print_result(report: TrainingReport, images: ImageSet, options: AutoencoderOptions, mode: OutputMode) -> None:
    from denoiser.training.autoencoder import pca_error

    for error in report.unreadable:
        to_stderr(error.message)
    values: dict[str, float] = {}
    if report.finished and report.after is not None and report.after.scores:
        values = report.after.scores | report.after.details
        components = min(options.code_size, *images.train.flatten(1).shape)
        values[f"squared error of PCA with {components} components"] = pca_error(images, components)
    if not mode.quiet:
        for name, value in values.items():
            to_stderr(f"{name}: {value:.4g}")
        state = "finished" if report.finished else "stopped; continue with --resume"
        to_stderr(f"{report.progress.step} steps, {report.progress.seconds / 60:.1f} minutes: {state}.")
    if mode.json:
        scores = {name.replace(" ", "_"): value for name, value in values.items()}
        click.echo(json.dumps({"event": "trained", "weights": str(report.weights), "held_out": scores}))
    else:
        click.echo(report.weights)


def _quantise(weights: Path, images: ImageSet, mode: OutputMode) -> None:
    """Export an 8-bit version beside *weights*, and print both in comparison."""
    from denoiser.workbench.autoencoder import compare, load_autoencoder

    model = load_autoencoder(weights)
    small = model.quantised()
    path = weights.with_name(f"{weights.stem}-int8.safetensors")
    small.save(path)
    for name, one in (("float", model), ("int8", small)):
        size, seconds, error = compare(one, images.test[:_TIMED])
        if mode.json:
            values = {"weights": name, "bytes": size, "seconds": seconds, "squared_error": error}
            click.echo(json.dumps({"event": "compared", **values}))
        elif not mode.quiet:
            each = seconds * 1e6 / min(len(images.test), _TIMED)
            to_stderr(f"{name}: {size / 1000:.0f} kB, {each:.1f} µs per image, squared error {error:.4g}")
    if not mode.json:
        click.echo(path)
