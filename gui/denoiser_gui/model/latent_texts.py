"""The figures of a latent file as texts."""

from __future__ import annotations

import math

from denoiser_gui.model.captions import duration, in_bytes
from denoiser_gui.model.latent import LatentRequest, LatentResult, seconds_for
from denoiser_gui.translation import tr

NONE = "–"
FACTS = ("size", "picture", "metadata", "bits", "psnr", "ms_ssim", "file")


def facts_of(result: LatentResult | None, bytes_in_file: int) -> dict[str, str]:
    """The figures of a result by the names in FACTS; *bytes_in_file* is the size of the photo's own file."""
    texts = dict.fromkeys(FACTS, NONE)
    if result is None:
        return texts
    texts["size"] = _size(result, result.bytes)
    texts["picture"] = _size(result, result.of_whole(result.picture_bytes))
    texts["metadata"] = in_bytes(result.metadata_bytes)
    texts["bits"] = f"{result.bits_per_pixel:.2f}"
    texts["psnr"] = _psnr(result.psnr) or NONE
    texts["ms_ssim"] = NONE if result.ms_ssim is None else f"{result.ms_ssim:.4f}"
    if bytes_in_file:
        times = bytes_in_file / result.bytes
        texts["file"] = tr("{times} times smaller", times=f"{times:.1f}") if times >= 1 else tr("larger")
    return texts


def pane_of(result: LatentResult) -> str:
    """The label of the pane with the latent file."""
    return _joined(tr("Latent · {size}", size=_size(result, result.bytes)), result.psnr, result.ms_ssim)


def pane_of_rival(result: LatentResult) -> str:
    """The label of the pane with the file of another format."""
    size = _size(result, result.rival_bytes)
    text = tr("{format} · {size}", format=result.request.rival, size=size)
    return _joined(text, result.rival_psnr, result.rival_ms_ssim)


def savings_of(result: LatentResult | None) -> str:
    """How much smaller the file is because the photo is denoised; empty if it is not."""
    if result is None or result.noisy_bytes <= result.picture_bytes:
        return ""
    saved = result.of_whole(result.noisy_bytes - result.picture_bytes)
    share = round(100 * saved / (result.bytes + saved))
    return tr("Denoising saves {size} ({share} %)", size=in_bytes(saved), share=share)


def smaller_of(result: LatentResult | None) -> str:
    """Which other format would be smaller; empty if none is."""
    if result is None or result.smaller is None:
        return ""
    name, size = result.smaller
    return tr("{format} would be smaller at the same PSNR: {size}", format=name, size=_size(result, size))


def time_of(result: LatentResult | None, request: LatentRequest | None) -> str:
    """The estimated time to encode the whole photo."""
    seconds = seconds_for(result, request) if result is not None and request is not None else 0.0
    return tr("about {time} for the photo", time=duration(max(seconds, 0.1))) if seconds else ""


def _size(result: LatentResult, count: int) -> str:
    size = in_bytes(count)
    return tr("about {size}", size=size) if result.is_sample else size


def _psnr(value: float | None) -> str:
    if value is None:
        return ""
    return tr("{psnr} dB", psnr=f"{value:.1f}") if math.isfinite(value) else tr("lossless")


def _joined(text: str, psnr: float | None, ms_ssim: float | None) -> str:
    similar = "" if ms_ssim is None else f"MS-SSIM {ms_ssim:.4f}"
    return " · ".join(filter(None, (text, _psnr(psnr), similar)))
