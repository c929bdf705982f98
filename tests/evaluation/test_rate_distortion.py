"""The comparison of codecs, on two small pictures and a tiny codec; every file is written and read for real."""

import json
import math
import xml.etree.ElementTree as ET

import pytest
import torch
from skimage import data

from denoiser import imageio
from denoiser.errors import Cancelled, UnusableData
from denoiser.evaluation import rd_report
from denoiser.evaluation.rate_distortion import OURS, Comparison, Curve, Point, compare
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.imageio import rivals


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    imageio.write(from_numpy(data.astronaut()[100:292, 100:356]), place / "astronaut.png")
    imageio.write(from_numpy(data.camera()[100:292, 100:292]), place / "grey.png")
    return place


@pytest.fixture(scope="module")
def comparison(folder, tiny_codec):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield compare(folder, model=str(tiny_codec), device="cpu", precision="fp32")
    finally:
        torch.set_num_threads(threads)


def test_all_codecs_get_the_same_images(comparison):
    assert [curve.name for curve in comparison.curves] == [OURS, *rivals.rivals()]
    assert comparison.images == 2
    assert comparison.megapixels == pytest.approx((256 * 192 + 192 * 192) / 1e6)


def test_more_bits_give_a_higher_quality(comparison):
    for curve in comparison.curves:
        bits = [point.bits_per_pixel for point in curve.points]
        psnr = [point.psnr for point in curve.points]
        assert bits == sorted(bits), curve.name
        assert psnr[-1] > psnr[0] + 2, curve.name
        assert curve.points[-1].ms_ssim > curve.points[0].ms_ssim
        assert all(point.encode_seconds > 0 and point.decode_seconds > 0 for point in curve.points)


def test_jpeg_has_the_bits_of_a_file_as_pillow_writes_it(comparison, folder):
    from io import BytesIO

    from PIL import Image as PillowImage

    sizes = []
    for name in ("astronaut.png", "grey.png"):
        picture = PillowImage.open(folder / name).convert("RGB")
        packed = BytesIO()
        picture.save(packed, "JPEG", quality=50, subsampling="4:2:0")
        sizes.append(8 * len(packed.getvalue()) / (picture.width * picture.height))
    jpeg = next(curve for curve in comparison.curves if curve.name == "JPEG")
    point = next(point for point in jpeg.points if point.quality == 50)
    assert point.bits_per_pixel == pytest.approx(sum(sizes) / 2)


def test_the_report_has_text_values_and_a_chart(comparison):
    text = rd_report.as_text(comparison)
    for name in (OURS, "JPEG", "WebP", "AVIF"):
        assert name in text
    assert "BD-rate" in text
    values = json.loads(json.dumps(rd_report.as_values(comparison)))
    assert set(values["codecs"]) == {curve.name for curve in comparison.curves}
    assert values["bd_rate_percent"].keys() == set(rivals.rivals())
    drawing = ET.fromstring(rd_report.as_svg(comparison))
    lines = [line for line in drawing.iter() if line.tag.endswith("polyline")]
    assert len(lines) == len(comparison.curves)


def _curve(name, factor):
    rates = ((0.1, 28.0), (0.3, 31.0), (0.9, 34.0), (2.0, 37.0))
    return Curve(name, name, tuple(Point(i, r * factor, q, None, 1.0, 1.0) for i, (r, q) in enumerate(rates)))


def test_what_is_compared_is_bits_for_equal_psnr():
    comparison = Comparison(1, 1.0, (_curve(OURS, 0.5), _curve("JPEG", 1.0), _curve("far", 1e6)))
    assert comparison.against("JPEG") == pytest.approx(-50)
    assert math.isnan(comparison.against("far"))
    assert "–" in rd_report.as_text(comparison)
    assert rd_report.as_values(comparison)["bd_rate_percent"]["far"] is None


def test_a_folder_without_images_is_refused(tmp_path, tiny_codec):
    with pytest.raises(UnusableData, match="no image"):
        compare(tmp_path, model=str(tiny_codec))


def test_the_comparison_can_be_cancelled(folder, tiny_codec):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        compare(folder, model=str(tiny_codec), precision="fp32", cancel=cancel)
