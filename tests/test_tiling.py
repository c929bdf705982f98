from itertools import pairwise

import pytest

from denoiser.tiling import SMALLEST_TILE, Region, plan_tiles, rounded_up

SIZES = [(1, 1), (1, 977), (997, 1), (64, 64), (512, 512), (513, 511), (448, 1500), (1021, 2039), (10_007, 9_973)]


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(("tile", "step"), [(112, 0), (512, 0), (1024, 64)])
def test_cores_cover_the_padded_picture_exactly_once(height, width, tile, step):
    plan = plan_tiles(height, width, multiple=8, halo=32, tile=tile, step=step)
    assert plan.padded_height >= max(height, SMALLEST_TILE)
    assert sum(_area(tile) for tile in plan.tiles) == plan.padded_height * plan.padded_width
    for axis, length in (("rows", plan.padded_height), ("columns", plan.padded_width)):
        spans = sorted({(getattr(t, axis).core_start, getattr(t, axis).core_stop) for t in plan.tiles})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(before[1] == after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_every_kept_pixel_has_its_halo_or_the_border(height, width):
    plan = plan_tiles(height, width, multiple=8, halo=30, tile=256)
    for tile in plan.tiles:
        for span, length in ((tile.rows, plan.padded_height), (tile.columns, plan.padded_width)):
            assert span.start == 0 or span.core_start - span.start >= 30
            assert span.stop == length or span.stop - span.core_stop >= 30


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_tiles_have_one_shape_no_larger_than_asked_and_lie_on_the_grid(height, width):
    plan = plan_tiles(height, width, multiple=8, halo=32, tile=512)
    shapes = {tile.shape for tile in plan.tiles}
    assert len(shapes) == 1
    tall, wide = shapes.pop()
    assert tall * wide <= 512 * 512
    assert tall % 8 == wide % 8 == 0
    assert min(tall, wide) >= SMALLEST_TILE
    assert all(t.rows.start % 8 == 0 and t.columns.start % 8 == 0 for t in plan.tiles)
    assert plan.work == len(plan.tiles) * tall * wide


def test_the_cut_is_the_one_that_computes_least():
    whole = plan_tiles(1000, 1000, multiple=8, halo=40, tile=1000)
    assert whole.work == 1000 * 1000
    # Two halves of 552 rows: four squares of 552 would compute 1.22 times the picture, two halves 1.10 times.
    halves = plan_tiles(1024, 1024, multiple=8, halo=40, tile=768)
    assert len(halves.tiles) == 2
    assert halves.work == 2 * 552 * 1024


def test_a_coarse_step_makes_tiles_of_unlike_pictures_alike():
    shapes = {
        plan_tiles(height, 6000, multiple=8, halo=40, tile=1024, step=64).tiles[0].shape
        for height in range(3960, 4040, 8)
    }
    fine = {
        plan_tiles(height, 6000, multiple=8, halo=40, tile=1024).tiles[0].shape for height in range(3960, 4040, 8)
    }
    assert len(shapes) <= 2 < len(fine)


def test_a_tile_that_its_halo_fills_is_refused():
    with pytest.raises(ValueError, match="halo"):
        plan_tiles(1000, 1000, multiple=8, halo=32, tile=64)
    with pytest.raises(ValueError, match="grid"):
        plan_tiles(1000, 1000, multiple=8, halo=32, tile=509)


def test_rounding_up():
    assert [rounded_up(value, 8) for value in (0, 1, 8, 9)] == [0, 8, 8, 16]


def _area(tile):
    return (tile.rows.core_stop - tile.rows.core_start) * (tile.columns.core_stop - tile.columns.core_start)


def test_regions_overlap_contain_and_index() -> None:
    region = Region(5, 7, 5, 3)
    assert Region(0, 0, 10, 10).overlap(Region(5, 7, 10, 10)) == region
    assert Region(0, 0, 10, 10).overlap(Region(10, 0, 5, 5)) is None
    assert region.slices == (slice(5, 10), slice(7, 10))
    assert region.within(Region(4, 4, 9, 9)) == Region(1, 3, 5, 3)
    assert Region(4, 4, 9, 9).contains(region) and not region.contains(Region(4, 4, 9, 9))
    assert region.pixels == 15


def test_regions_of_reduced_copies_cover_the_regions_they_show():
    region = Region(13, 27, 101, 55)
    for level in range(5):
        small = region.shrunk(level)
        assert small.grown(level, 4000, 6000).contains(region)
    assert Region(0, 0, 4001, 6001).shrunk(3).grown(3, 4001, 6001) == Region(0, 0, 4001, 6001)
