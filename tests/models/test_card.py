import dataclasses

import pytest

from denoiser.errors import UntrustedWeights
from denoiser.models.card import Card, card_as_toml, gaps, read_card

CARD = Card(
    name="denoiser-tiny",
    summary='Says "hello", and für Umlaute.',
    task="denoiser",
    architecture="dense-autoencoder-1",
    settings={"widths": [8, 8, 8], "blocks": [1, 1, 1, 1, 1]},
    halo=32,
    sha256="00",
    parameters=12,
    licence="Apache-2.0",
    training={"minutes": 1.5, "steps": 3, "data": "photos"},
    metrics={"CBSD68, sigma 25": 31.0, "passed": True},
    limits=("one", "two\nlines"),
)


def test_a_card_reads_back_as_it_was_written(tmp_path):
    path = tmp_path / "card.toml"
    path.write_text(card_as_toml(CARD), encoding="utf-8")
    assert read_card(path) == CARD


@pytest.mark.parametrize("text", ["", "name = 1", "not toml at all", 'name = "x"\nunknown = 1', "\x00"])
def test_what_is_no_card_is_refused_by_name(tmp_path, text):
    path = tmp_path / "card.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UntrustedWeights, match=r"card\.toml"):
        read_card(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("halo = 32", 'halo = "wide"'),
        ("halo = 32", "halo = true"),
        ("parameters = 12", "parameters = 1.5"),
        ('task = "denoiser"', "task = 7"),
        ('"two\\nlines"', "3"),
    ],
)
def test_a_word_of_another_kind_is_refused(tmp_path, old, new):
    text = card_as_toml(CARD)
    assert old in text
    path = tmp_path / "card.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UntrustedWeights, match=r"card\.toml"):
        read_card(path)


def test_what_a_card_does_not_say_is_named():
    assert gaps(CARD) == ("licences", "recipe", "hardware")
    told = {"data": "photos", "licences": ["CC0"], "recipe": "fast", "minutes": 1.0, "hardware": "a CPU"}
    assert gaps(dataclasses.replace(CARD, training=told)) == ()
    assert gaps(dataclasses.replace(CARD, training=told, metrics={}, limits=())) == ("metrics", "limits")
