"""The map: one page without links to the network, used in a browser where one is installed; and the image."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from denoiser.errors import UnusableData

pytest.importorskip("bokeh")
pytest.importorskip("sklearn")
pytest.importorskip("pandas")

from denoiser.options import ExploreOptions
from denoiser.workbench.analysis import feature_space, located
from denoiser.workbench.embedding import embed
from denoiser.workbench.map_page import map_image, map_page

Scenes = Callable[[int], list[Path]]
_BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
_DRIVER = shutil.which("chromedriver")


def _table(paths: list[Path]) -> Any:
    return located(embed(paths), ExploreOptions(layout="pca", clusters=2))


def test_the_page_holds_all_it_needs(scenes: Scenes, tmp_path: Path) -> None:
    paths = scenes(5)
    odd = paths[0].with_name("<b> & 'x'.png")
    paths[0].rename(odd)
    table = _table([odd, *paths[1:]])
    page = map_page(table, feature_space(table), title="<Title>", folder=tmp_path)
    assert page.count("data:image/webp;base64,") == 5
    assert "&lt;Title&gt;" in page and "<Title>" not in page
    assert "imgs/scene1.png" in page and "%3Cb%3E%20%26%20%27x%27.png" in page
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"'](https?:|//)", page)
    assert loaded == []


def test_the_image_shows_each_photo_at_its_place_in_its_frame(scenes: Scenes) -> None:
    table = _table(scenes(4))
    table["x"], table["y"], table["cluster"] = [0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 1, 1]
    pixels = map_image(table).pixels
    blue, orange = (0, 0x72, 0xB2), (0xD5, 0x5E, 0)
    upper, lower = pixels[:800], pixels[800:]  # y points up
    assert (upper == orange).all(2).any() and not (upper == blue).all(2).any()
    assert (lower == blue).all(2).any() and not (lower == orange).all(2).any()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_map_needs_four_images(scenes: Scenes, count: int) -> None:
    table = _table(scenes(count)).assign(cluster=0) if count > 1 else embed(scenes(1)).assign(x=0, y=0, cluster=0)
    for draw in (map_image, lambda t: map_page(t, feature_space(t), title="a")):
        with pytest.raises(UnusableData, match=f"at least 4 images; there (is|are) {count}"):
            draw(table)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """Headless Chromium whose downloads go to tmp_path."""
    webdriver = pytest.importorskip("selenium.webdriver")
    if not _BROWSER or not _DRIVER:
        pytest.skip("neither Chromium nor its driver is installed")
    options = webdriver.ChromeOptions()
    options.binary_location = _BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1200"):
        options.add_argument(argument)
    options.add_argument("--enable-unsafe-swiftshader")  # WebGL without a GPU
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path)})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
    yield driver
    driver.quit()


def _wait(condition: Callable[[], Any]) -> Any:
    for _ in range(150):
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing happened within 15 seconds")


# What the page shows, through the shadow roots of Bokeh's widgets.
_LOOK = """
const source = [...Bokeh.documents[0].all_models].find((m) => m.type == "ColumnDataSource" && m.data.near);
const elements = (root) => [...root.querySelectorAll("*")].flatMap(
  (e) => e.shadowRoot ? [e, ...elements(e.shadowRoot)] : [e]);
const shown = elements(document.body);
"""
_SELECTED = _LOOK + "return [...source.selected.indices]"
_TEXT = _LOOK + "return shown.map((e) => e.tagName == 'SCRIPT' ? '' : e.textContent).join(' ')"
_IMAGES = _LOOK + "return shown.filter((e) => e.tagName == 'IMG').length"
_SAVE = _LOOK + "return shown.find((e) => e.tagName == 'BUTTON' && e.textContent.includes('Save list'))"
_PLACES = (
    _LOOK
    + """
const find = (view) => view.model.type == "Figure" ? view : [...view.children()].map(find).find((v) => v);
const figure = find([...Bokeh.index.roots][0]), box = figure.el.getBoundingClientRect();
return [...source.data.x].map((x, i) =>
  [box.x + figure.frame.x_scale.compute(x), box.y + figure.frame.y_scale.compute(source.data.y[i])]);
"""
)


@pytest.mark.long
def test_hover_click_lasso_and_download_in_a_browser(scenes: Scenes, tmp_path: Path, browser: Any) -> None:
    from selenium.webdriver import ActionChains

    table = _table(scenes(12))
    page = tmp_path / "map.html"
    page.write_text(map_page(table, feature_space(table), title="Scenes", folder=tmp_path), encoding="utf-8")
    browser.get(page.as_uri())
    _wait(lambda: browser.execute_script("return window.Bokeh?.documents[0]?.is_idle"))
    places = browser.execute_script(_PLACES)

    def move(x: float, y: float) -> ActionChains:
        actions = ActionChains(browser, duration=50)
        actions.w3c_actions.pointer_action.move_to_location(round(x), round(y))
        return actions

    assert browser.execute_script(_IMAGES) == 0
    move(*places[3]).perform()
    _wait(lambda: browser.execute_script(_IMAGES) > 0 and "scene3.png" in browser.execute_script(_TEXT))

    move(*places[3]).click().perform()
    _wait(lambda: 3 in browser.execute_script(_SELECTED))
    _wait(lambda: "Nearest photos" in browser.execute_script(_TEXT))

    browser.execute_script(
        "for (const m of Bokeh.documents[0].all_models) if (m.type == 'LassoSelectTool') m.active = true;"
    )
    (left, top), (right, bottom) = np.min(places, 0) - 15, np.max(places, 0) + 15
    lasso = move(left, top)
    lasso.w3c_actions.pointer_action.pointer_down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        lasso.w3c_actions.pointer_action.move_to_location(round(x), round(y))
    lasso.w3c_actions.pointer_action.pointer_up()
    lasso.perform()
    _wait(lambda: len(browser.execute_script(_SELECTED)) == 12)

    browser.execute_script(_SAVE).click()
    saved = _wait(lambda: next(tmp_path.glob("selected*.csv"), None))
    lines = saved.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "path,cluster" and len(lines) == 13
    assert {line.rsplit(",", 1)[0].strip('"') for line in lines[1:]} == set(table["path"])
