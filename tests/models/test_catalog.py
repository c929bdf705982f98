import pytest

from denoiser.errors import MissingModel, UntrustedWeights
from denoiser.models import catalog


def test_what_is_shipped_is_listed_and_verified():
    entries = catalog.entries()
    assert "denoiser-fast" in [entry.name for entry in entries]
    for entry in entries:
        catalog.verify(entry)
        assert entry.card.name == entry.name


@pytest.mark.parametrize("word", ["auto", "fast", "denoiser-fast"])
def test_the_words_for_a_model_on_a_cpu(word):
    assert catalog.find(word, "cpu").name == "denoiser-fast"


def test_a_file_is_found_by_its_path(tiny_weights):
    assert catalog.find(str(tiny_weights), "cpu").path == tiny_weights


def test_an_unknown_name_lists_what_is_here():
    with pytest.raises(MissingModel, match="denoiser-fast"):
        catalog.find("denoiser-future", "cpu")
    with pytest.raises(MissingModel, match="no such weights file"):
        catalog.find("nowhere.safetensors", "cpu")


def test_weights_without_a_card_are_refused(tiny_weights):
    tiny_weights.with_suffix(".toml").unlink()
    with pytest.raises(UntrustedWeights, match=r"card .* is missing"):
        catalog.find(str(tiny_weights), "cpu")


def test_one_changed_byte_is_noticed(tiny_weights):
    data = bytearray(tiny_weights.read_bytes())
    data[-1] ^= 1
    tiny_weights.write_bytes(data)
    with pytest.raises(UntrustedWeights, match="modified or truncated"):
        catalog.verify(catalog.find(str(tiny_weights), "cpu"))


def test_one_bad_card_does_not_hide_the_others(tiny_weights, monkeypatch):
    good = tiny_weights.with_name("good.safetensors")
    good.write_bytes(tiny_weights.read_bytes())
    good.with_suffix(".toml").write_bytes(tiny_weights.with_suffix(".toml").read_bytes())
    stray = tiny_weights.with_name("a-stray.safetensors")
    stray.write_bytes(b"")
    tiny_weights.with_suffix(".toml").write_text("no card")
    monkeypatch.setattr(catalog, "_places", lambda: [tiny_weights.parent])
    found, bad = catalog.survey()
    assert [entry.name for entry in found] == ["good"] == [entry.name for entry in catalog.entries()]
    assert [(one.name, one.path) for one in bad] == [("a-stray", stray), ("denoiser-tiny", tiny_weights)]
    assert "is missing" in bad[0].error.message and "invalid card" in bad[1].error.message
    assert catalog.find("good", "cpu").name == "good"


@pytest.mark.parametrize("name", ["mine.pth", "folder/mine.ckpt"])
def test_weights_that_could_run_code_are_refused_by_kind(name: str) -> None:
    with pytest.raises(MissingModel, match=r"only \.safetensors weights are supported"):
        catalog.find(name, "cpu")
