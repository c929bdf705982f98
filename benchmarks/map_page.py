"""The map page of 5,000 photos: its size, the time to make it, and the time to open it in headless Chromium.

The photos are generated: thumbnails of smooth colours and texture, about as large as those of photos.
The bar: 25 MB. Opening is measured where Chromium, its driver and selenium are installed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import contract
import numpy as np
import pandas

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser.options import WriteOptions
from denoiser.workbench.map_page import map_page

MOST_MEGABYTES = 25.0
_READY = "return window.Bokeh?.documents[0]?.is_idle"
_SELECT = """
const source = [...Bokeh.documents[0].all_models].find((m) => m.type == "ColumnDataSource" && m.data.near);
const began = performance.now();
source.selected.indices = [...Array(arguments[0]).keys()];
const done = arguments[1];
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
"""


def main() -> int:
    """Makes the page, measures it, and opens it."""
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument("--photos", type=int, default=5000, help="how many photos (5000)")
    parser.add_argument(
        "--table", type=Path, help="a table of `denoise embed`, repeated, instead of generated photos"
    )
    words = parser.parse_args()
    report = contract.Report(__doc__, words)
    table = _table(words.photos, report.rng, words.table)
    space = report.rng.normal(size=(len(table), 128)).astype(np.float32)
    began = time.perf_counter()
    page = map_page(table, space, title="Map of photos").encode()
    megabytes = len(page) / 1e6
    report.add_facts("page", "bokeh", photos=len(table), MB=megabytes, seconds=time.perf_counter() - began)
    if shutil.which("chromium") and shutil.which("chromedriver"):
        opened, selected = _opened(page, len(table))
        report.add_facts("browser", "chromium", seconds_to_open=opened, ms_to_select_all=selected)
    return int(report.finish() or megabytes > MOST_MEGABYTES)


def _table(count: int, rng: np.random.Generator, known: Path | None) -> pandas.DataFrame:
    if known is not None:
        thumbnails = pandas.read_parquet(known)["thumbnail"].tolist()
        thumbnails = [thumbnails[number % len(thumbnails)] for number in range(count)]
    else:
        thumbnails = [_thumbnail(rng) for _ in range(count)]
    return pandas.DataFrame(
        {
            "path": [f"photos/{number // 100:03}/IMG_{number:05}.jpg" for number in range(count)],
            "folder": [f"photos/{number // 100:03}" for number in range(count)],
            "thumbnail": thumbnails,
            "x": rng.normal(size=count),
            "y": rng.normal(size=count),
            "cluster": rng.integers(0, 12, count),
            "noise": rng.uniform(0, 20, count),
            "width": 6000,
            "height": 4000,
            "date": pandas.Timestamp("2024-01-01") + pandas.to_timedelta(rng.integers(0, 10**7, count), unit="s"),
        }
    )


def _thumbnail(rng: np.random.Generator) -> bytes:
    smooth = rng.uniform(0, 255, (8, 12, 3)).repeat(11, 0).repeat(11, 1)[:85, :128]
    pixels = (smooth + rng.normal(0, 10, smooth.shape)).clip(0, 255).astype(np.uint8)
    return imageio.encode(from_numpy(pixels), "webp", WriteOptions(quality=70))


def _opened(page: bytes, count: int) -> tuple[float, float]:
    """Seconds to open the page, and milliseconds to select all photos."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader"):
        options.add_argument(argument)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "map.html"
        path.write_bytes(page)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        try:
            began = time.perf_counter()
            driver.get(path.as_uri())
            while not driver.execute_script(_READY):
                time.sleep(0.05)
            opened = time.perf_counter() - began
            return opened, float(driver.execute_async_script(_SELECT, count))
        finally:
            driver.quit()


if __name__ == "__main__":
    sys.exit(main())
