"""Each format is tested; missing extras are listed with the command that installs them."""

from __future__ import annotations

import sys

import pytest

from denoiser.errors import DenoiserError
from denoiser.imageio.formats import ROWS
from denoiser_cli.health import formats


def forget(monkeypatch: pytest.MonkeyPatch, package: str, backend: str) -> None:
    """As if *package* were not installed."""
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"denoiser.imageio.backends.{backend}", raising=False)


def test_everything_works_where_everything_is_installed() -> None:
    section = formats.examine_formats()
    facts = {fact.name: fact for fact in section.facts}
    assert set(ROWS) <= set(facts)
    assert all(facts[key].value for key in ROWS), section.remarks
    assert str(facts["png"]) == "read and written (8, 16 bit)"
    assert str(facts["bmp"]) == "read; saved as PNG"
    assert str(facts["raw"]) == "read; saved as TIFF"


def test_missing_extras_come_with_one_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch, "pillow_heif", "heif")
    forget(monkeypatch, "rawpy", "raw")
    section = formats.examine_formats()
    facts = {fact.name: fact for fact in section.facts}
    assert not facts["heif"].value and not facts["raw"].value and facts["jxl"].value
    assert str(facts["heif"]) == "pillow_heif is not installed (pip install 'denoiser-studio[heif]')"
    (remark,) = section.remarks
    assert remark.text == "Unsupported because extras are not installed: HEIC, camera RAW."
    assert remark.remedy == "`pip install 'denoiser-studio[heif,raw]'`"
    assert not section.stops_cleaning


def test_a_format_that_does_not_work_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_avif(image: object, key: str) -> bytes:
        return b"" if key == "avif" else real(image, key)

    real = formats.imageio.encode
    monkeypatch.setattr(formats.imageio, "encode", without_avif)
    section = formats.examine_formats()
    (remark,) = section.remarks
    assert remark.text.startswith("AVIF: does not work (test.avif")
    assert not section.stops_cleaning


def test_where_no_format_works_nothing_can_be_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(row: formats.Format) -> str:
        raise DenoiserError("broken")

    monkeypatch.setattr(formats, "_tried", fail)
    section = formats.examine_formats()
    assert section.stops_cleaning
    assert [remark.text for remark in section.remarks] == ["No format can be read."]
