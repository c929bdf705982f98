import itertools
from xml.etree import ElementTree

from denoiser.training.run_folder import training_curves

_SVG = "{http://www.w3.org/2000/svg}"


def _rows(*seconds):
    return [
        {"seconds": str(at), "loss": f"{1 / (at + 1):.4f}", "white 25": f"{25 + at / 60:.2f}" if at % 2 else ""}
        for at in seconds
    ]


def _curves(svg):
    return ElementTree.fromstring(svg).findall(f".//{_SVG}polyline")


def test_each_curve_is_drawn_once_with_its_last_value():
    svg = training_curves(_rows(0, 61, 120, 181), ["white 25", "camera, blind"])
    assert len(_curves(svg)) == 2, "a column without points has no curve"
    names = [text.text for text in ElementTree.fromstring(svg).iter(f"{_SVG}text")]
    assert "white 25 28.02" in names
    assert "loss 0.0055" in names


def test_a_falling_loss_falls_on_the_page():
    points = _curves(training_curves(_rows(0, 60, 120), []))[0].get("points", "").split()
    across = [float(point.split(",")[0]) for point in points]
    down = [float(point.split(",")[1]) for point in points]
    assert across == sorted(across)
    assert down == sorted(down)


def test_nothing_and_a_single_point_can_be_drawn():
    assert "nothing yet" in training_curves([], ["white 25"])
    assert len(_curves(training_curves(_rows(61), ["white 25"]))) == 2


def test_names_are_escaped():
    svg = training_curves([{"seconds": "60", "loss": "1", "<b>&": "30"}], ["<b>&"])
    assert "<b>" not in svg
    ElementTree.fromstring(svg)


def test_names_of_curves_that_end_together_do_not_overlap():
    rows = [{"seconds": "60", "a": "30.00", "b": "30.01", "c": "30.02", "d": "20"}]
    svg = ElementTree.fromstring(training_curves(rows, ["a", "b", "c", "d"]))
    texts = [text for text in svg.iter(f"{_SVG}text") if (text.text or "")[:2] in ("a ", "b ", "c ", "d ")]
    heights = sorted(float(text.get("y", "")) for text in texts)
    assert len(heights) == 4
    assert min(high - low for low, high in itertools.pairwise(heights)) >= 15
