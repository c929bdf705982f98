"""The weights of an earlier run with the same options are used again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from denoiser.batch.history import History
from denoiser.batch.settings import ModelChoice, Settings
from denoiser.batch.weights import choose_weights
from denoiser.errors import MissingModel
from denoiser.models import catalog
from denoiser.options import DenoiseOptions

AUTO = Settings()


def run(settings: Settings = AUTO, **words: Any) -> dict[str, Any]:
    """The first line of a run that was asked *settings*."""
    entry = catalog.find("fast", "cpu")
    line = {"options": settings.key, "asked": settings.asked, "model": entry.name, "digest": entry.card.sha256}
    return line | {"device": "cuda", "precision": "bf16", "tile": 1024, "at": 1} | words


def on_cpu(_wish: str) -> str:
    return "cpu"


def test_without_records_it_is_the_choice_of_today() -> None:
    chosen = choose_weights(AUTO, History(), on_cpu)
    entry = catalog.find("auto", "cpu")
    assert chosen == ModelChoice(entry.name, entry.card.sha256)


def test_the_choice_of_the_newest_run_with_the_same_options_is_used() -> None:
    history = History(runs=[run(device="mps"), run(), run(Settings(DenoiseOptions(strength=0.5)), device="cpu")])
    assert choose_weights(AUTO, history, on_cpu).kept == {"device": "cuda", "precision": "bf16", "tile": 1024}


@pytest.mark.parametrize(
    "words",
    [
        {"digest": "other weights by now"},
        {"model": "gone"},
        {"model": None},
        {"device": "abacus"},
        {"asked": {"model": "best"}},
        {"options": "0"},
    ],
)
def test_what_cannot_be_kept_is_chosen_anew(words: dict[str, Any]) -> None:
    assert choose_weights(AUTO, History(runs=[run(**words)]), on_cpu).kept == {}


def test_a_path_stays_a_path(tiny_weights: Path) -> None:
    settings = Settings(DenoiseOptions(model=str(tiny_weights)))
    assert choose_weights(settings, History(), on_cpu).model == str(tiny_weights)


def test_no_such_weights() -> None:
    with pytest.raises(MissingModel):
        choose_weights(Settings(DenoiseOptions(model="nope")), History(), on_cpu)


def test_the_device_is_chosen_only_if_the_weights_depend_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def choose(wish: str) -> str:
        asked.append(wish)
        return "cuda"

    find, fast = catalog.find, catalog.find("fast", "cpu")
    other = catalog.CatalogEntry("another", fast.path.with_name("another.safetensors"), fast.card)
    choose_weights(Settings(DenoiseOptions(model="fast")), History(), choose)
    choose_weights(Settings(DenoiseOptions(device="cpu")), History(), choose)
    assert asked == []
    monkeypatch.setattr(catalog, "find", lambda name, device: other if device == "cuda" else find(name, device))
    assert choose_weights(AUTO, History(), choose).model == "another"
    assert asked == ["auto"]
