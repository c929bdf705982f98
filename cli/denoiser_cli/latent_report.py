"""Output of `denoise info` and `denoise verify`: lines or JSON objects; errors go to stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from denoiser.batch.coding import DECODING
from denoiser.batch.discover import discover
from denoiser.codec import container
from denoiser.codec.container import LatentFile
from denoiser.codec.encode import quality_of
from denoiser.codec.grain import unpacked
from denoiser.errors import DenoiserError, NothingToDo, UnknownWeights, UnreadableImage
from denoiser.events import CancelToken
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import OutputMode
from denoiser_cli.lines import one_line, print_failure, shown, to_stderr
from denoiser_cli.render_json import emit, error_words

_Inspect = Callable[[Path, CancelToken], None]


def show_content(sources: Sequence[str], mode: OutputMode) -> int:
    """Print the content of each file without decoding it; return the exit code."""

    def inspect(path: Path, _cancel: CancelToken) -> None:
        values = _values(path, container.read(path))
        if mode.json:
            emit("latent", values)
        else:
            click.echo("\n".join(_lines(values)))

    return _each(sources, mode, inspect)[1]


def verify(sources: Sequence[str], model: str, mode: OutputMode) -> int:
    """Check the symbols of each file; return the exit code, 1 if one is damaged."""
    from denoiser.codec.decode import Verifier

    verifier = Verifier(model)

    def inspect(path: Path, cancel: CancelToken) -> None:
        verifier.verify(container.read(path), str(path), cancel)
        if mode.json:
            emit("verified", {"source": path})
        elif not mode.quiet:
            click.echo(f"{shown(path)}: valid")

    valid, code = _each(sources, mode, inspect)
    if not mode.quiet:
        to_stderr(f"{valid} valid.")
    return code


def _each(sources: Sequence[str], mode: OutputMode, inspect: _Inspect) -> tuple[int, int]:
    """Return how many files *inspect* accepted, and the exit code."""
    found = discover([Path(source) for source in sources], is_image_name=DECODING.takes)
    errors = [UnreadableImage(f"{one.path}: {one.reason}.") for one in found.skipped if one.is_error]
    if not found.finds and not errors:
        raise NothingToDo(f"{sources[0]}: no latent file found.", hint=DECODING.words.known)
    for skipped in found.skipped:
        if not skipped.is_error and not mode.quiet:
            to_stderr(f"Skipped {shown(skipped.path)}: {one_line(skipped.reason)}")
    codes = [error.exit_code for error in errors]
    hints: set[str] = set()
    for error in errors:
        to_stderr(one_line(error.message))
    with stopping_politely() as cancel:
        for find in found.finds:
            cancel.raise_if_cancelled()
            try:
                inspect(find.path, cancel)
            except DenoiserError as error:
                if error.exit_code == 130:
                    raise
                codes.append(error.exit_code)
                if mode.json:
                    emit("file_failed", {"source": find.path} | error_words(error))
                print_failure(find.path, error, hints)
    valid = len(found.finds) - len(codes)
    return valid, codes[0] if len(set(codes)) == 1 and not valid else int(bool(codes))


def _values(path: Path, file: LatentFile) -> dict[str, Any]:
    chunks = container.sizes(file)
    size = sum(chunks.values())
    picture = container.picture_bytes(file)
    kept, source, noise = file.metadata, file.source, unpacked(file.noise) if file.noise else None
    return {
        "source": path,
        "width": file.width,
        "height": file.height,
        "channels": file.channels,
        "bits": file.bits,
        "alpha": file.has_alpha,
        "exact": file.is_exact,
        "quality": None if file.is_exact else quality_of(file.step),
        "step": None if file.is_exact else file.step,
        "bytes": size,
        "picture_bytes": picture,
        "metadata_bytes": size - picture,
        "bits_per_pixel": round(size * 8 / (file.width * file.height), 4),
        "tiles": len(file.tiles),
        "weights": file.weights or None,
        "model": _model(file.weights),
        "noise": {"luma": noise.luma, "chroma": noise.chroma, "kind": round(noise.kind, 3)} if noise else None,
        "cleaned": file.cleaned,
        "holds": [name for name in ("exif", "xmp", "iptc", "comment", "resolution") if getattr(kept, name)],
        "profile": file.profile is not None,
        "thumbnail": file.thumbnail is not None,
        "from": source.format if source else None,
        "chunks": chunks,
        "passed_over": list(file.passed_over),
    }


def _model(weights: str) -> str | None:
    """Return the name of the weights; None if they are not needed or not installed."""
    from denoiser.codec import model

    try:
        return model.find_by_digest(weights).name if weights else None
    except UnknownWeights:
        return None


def _lines(values: dict[str, Any]) -> Iterator[str]:
    colours = ("grey" if values["channels"] == 1 else "colour") + (" and alpha" if values["alpha"] else "")
    depth = "float" if values["bits"] == 32 else f"{values['bits']} bit"
    megapixels = values["width"] * values["height"] / 1e6
    yield f"{shown(values['source'])}"
    yield f"  image      {values['width']} x {values['height']}, {megapixels:.2f} MP, {colours}, {depth}"
    kept = "lossless" if values["exact"] else f"quality {values['quality']:g} (step {values['step']} of 63)"
    yield f"  encoding   {kept}, {values['bytes']:,} bytes, {values['bits_per_pixel']:.3f} bits per pixel"
    if values["weights"]:
        name = values["model"] or "not installed"
        tiles = "1 tile" if values["tiles"] == 1 else f"{values['tiles']} tiles"
        yield f"  weights    {values['weights']}, {one_line(name)}; {tiles}"
    if values["cleaned"]:
        noise = values["noise"]
        figures = f"luma {noise['luma']:.1f}, chroma {noise['chroma']:.1f}" if noise else "unknown"
        yield f"  denoised   removed noise: {figures}" + ("; decode --grain adds similar grain" if noise else "")
    held = [*values["holds"], *(name for name in ("profile", "thumbnail") if values[name])]
    if held or values["from"]:
        held.append(f"{values['metadata_bytes']:,} bytes")
        yield f"  metadata   {', '.join(held)}"
    if values["from"]:
        yield f"  made from  {values['from']}"
    if values["passed_over"]:
        yield f"  unknown    {', '.join(map(one_line, values['passed_over']))}: from a newer version, skipped"
