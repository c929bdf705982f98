import pytest

from denoiser.models import catalog
from denoiser.models.card import Card
from denoiser.models.explanation import duration, explained


def test_nothing_that_is_on_a_shipped_card_is_left_out():
    for entry in catalog.entries():
        text = "\n".join(line for _, lines in explained(entry.card) for line in lines).replace(",", "")
        card = entry.card
        for value in (*card.training.values(), *card.metrics.values(), *card.limits, card.summary, card.licence):
            for part in value if isinstance(value, list) else [value]:
                if part != card.training.get("minutes"):  # said in hours
                    assert str(part).replace(",", "") in text, part


def test_a_card_in_words():
    card = Card(
        name="mine",
        summary="Mine.",
        task="denoiser",
        architecture="dense-autoencoder-1",
        settings={"widths": [8, 16, 24], "bias": True},
        halo=32,
        sha256="00",
        parameters=1234567,
        licence="MIT",
        training={"minutes": 150, "from": "denoiser-fast", "steps": 12000},
        metrics={"cbsd68_sigma25": 31.0, "validation_real_pairs_noisy": 33.65, "validation_oddly_named": 2},
        limits=("Snow.",),
    )
    words = dict(explained(card))
    assert words["Model"][1] == "A denoiser: network dense-autoencoder-1 (widths 8, 16, 24; bias True)"
    assert "1,234,567 parameters" in words["Model"][2]
    assert words["Training"] == ("2.5 hours, 12,000 steps", "from: denoiser-fast")
    assert words["Results"] == (
        "CBSD68, white noise of sigma 25, given the level: 31.0 dB PSNR",
        "real pairs (validation), before cleaning: 33.65 dB PSNR",
        "oddly named (validation): 2",
    )
    assert words["Limits"] == ("Snow.",)
    assert words["Missing from its card"] == ("data", "licences", "recipe", "hardware")
    assert "Training data" not in words


@pytest.mark.parametrize(("minutes", "said"), [(0.5, "0.5 minutes"), (90, "90 minutes"), (141.5, "2.36 hours")])
def test_long_times_are_in_hours(minutes, said):
    assert duration(minutes) == said
