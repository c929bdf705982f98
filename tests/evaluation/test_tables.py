import json
import math

from denoiser.evaluation.denoising import ImageScore, Score
from denoiser.evaluation.tables import as_rows, as_text, as_values


def _picture(name, before, after, ssim=0.9):
    return ImageScore(name, before, after, ssim, seconds=0.5, megapixels=0.25)


PAIRS = Score(
    "real pairs",
    "pairs",
    "ours",
    "ours, automatic",
    (_picture("a", 30, 36), _picture("b", 32, 31.5), _picture("c", 34, 35)),
)
BEST = Score("real pairs", "pairs", "nlm", "nlm, best fixed (5)", PAIRS.images, best_of=3)
CLEAN = Score(
    "left as they are",
    "untouched",
    "ours",
    "ours, automatic",
    (_picture("a", math.inf, 47.5), _picture("b", math.inf, 40), _picture("c", math.inf, math.inf)),
)


def test_the_table_of_pairs_lists_harmed_images_and_the_smallest_gains():
    lines = as_text([PAIRS, BEST]).splitlines()
    assert lines[0].split() == ["real", "pairs,", "3", "images", "PSNR", "dB", "SSIM", "gain"]
    assert lines[1].split() == ["as", "it", "is", "32.00"]
    assert lines[2].split() == ["ours,", "automatic", "34.17", "0.9000", "+2.17"]
    assert "1 of 3 below their input by more than 0.1 dB: b -0.50" in lines[4]
    assert lines[5].endswith("worst: b -0.50, c +1.00, a +6.00")
    assert len(lines) == 6  # nothing is remarked of a baseline


def test_clean_images_are_counted_and_have_a_median():
    lines = as_text([CLEAN]).splitlines()
    assert lines[1].split()[-3:] == ["exact", "0.9000", "47.50"]
    assert "2 of 3 at 45 dB or more" in lines[2]
    assert lines[3].endswith("worst: b 40.00, a 47.50, c exact")


def test_the_values_of_each_image_are_optional():
    lines = as_text([PAIRS, BEST], each=True).splitlines()
    assert ["b", "32.00", "31.50", "31.50"] in [line.split() for line in lines]


def test_sets_stand_apart():
    assert as_text([PAIRS, CLEAN]).count("\n\n") == 1


def test_one_line_for_each_kind_of_degradation():
    header, line = as_rows([PAIRS]).splitlines()
    assert header.split() == ["before", "after", "gain", "worst", "harmed"]
    assert line.split() == ["real", "pairs", "32.00", "34.17", "+2.17", "-0.50", "1"]


def test_json_has_no_infinity():
    said = json.loads(json.dumps(as_values(CLEAN), allow_nan=False))
    assert said["psnr"] is None and said["median_psnr"] == 47.5 and said["nearly_exact"] == 2
    assert [picture["psnr"] for picture in said["pictures"]] == [47.5, 40, None]
    assert said["seconds_per_megapixel"] == 2
    assert json.loads(json.dumps(as_values(PAIRS), allow_nan=False))["harmed"] == ["b"]
