"""The processing record in the XMP of an output."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from denoiser import __version__, denoise_folder, imageio
from denoiser.batch import Settings
from denoiser.batch.cleaning import NO_RECORD
from denoiser.batch.processing_record import NAMESPACE, ProcessingRecord, read_record, record_of
from denoiser.errors import UsageError
from denoiser.events import Event, FileDone
from denoiser.image import Image, Metadata, from_numpy
from denoiser.imageio.containers import xmp
from denoiser.options import BatchOptions, DenoiseOptions, WriteOptions

_PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="urn:dc" dc:title="mine"/></rdf:RDF></x:xmpmeta>'
)
_TICKET = ProcessingRecord(
    "denoiser-x",
    "ab" * 32,
    {"strength": 0.5, "crop": "1,2,3,4"},
    {"device": "cpu", "precision": "fp32", "tile": 256},
    {"luma": 7.5},
    torch="2.9.1+cpu",
)


def _image(packet: bytes | None = None) -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 30, 3)).astype(np.uint8)
    return Image(pixels, metadata=Metadata(xmp=packet))


@pytest.mark.parametrize("packet", [None, _PACKET])
def test_a_record_can_be_read_and_the_rest_is_unchanged(packet):
    image = _image(packet)
    ticketed = _TICKET.added_to(image)
    assert read_record(ticketed) == _TICKET
    assert read_record(image) is None
    assert np.array_equal(ticketed.pixels, image.pixels)
    assert packet is None or b'dc:title="mine"' in (ticketed.metadata.xmp or b"")
    other = ProcessingRecord("y", "cd" * 32, {}, {}, version="9.9")
    assert read_record(other.added_to(ticketed)) == other


def test_a_packet_that_has_no_place_stays_as_it_is():
    image = _image(b"broken")
    assert _TICKET.added_to(image) is image
    assert read_record(image) is None


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif"])
def test_every_written_format_carries_it(tmp_path: Path, suffix):
    path = tmp_path / f"a{suffix}"
    imageio.write(_TICKET.added_to(_image(_PACKET)), path)
    again = imageio.read(path)
    assert read_record(again) == _TICKET
    assert b'dc:title="mine"' in (again.metadata.xmp or b"")


def test_settings_become_a_ticket_and_come_back():
    settings = Settings(
        DenoiseOptions(noise_level=25, strength=0.5, grain=0.25, memory=2.0),
        write=WriteOptions(quality=90),
        batch=BatchOptions(crop="0,0,8,8", report="x.csv"),
    )
    facts = {"model": "denoiser-x", "device": "cpu", "precision": "fp32", "tile": 320, "seconds": 3.0, "trust": 1.0}
    ticket = record_of(settings, facts, "ab" * 32)
    assert ticket.place == {"device": "cpu", "precision": "fp32", "tile": 320}
    back = ticket.settings()
    assert back.look == settings.look
    assert back.write.quality == 90
    assert (back.denoise.model, back.denoise.device, back.denoise.tile) == ("denoiser-x", "cpu", 320)
    assert ticket.settings(model="other.safetensors").denoise.model == "other.safetensors"


def test_options_of_another_version_are_named():
    ticket = ProcessingRecord("x", "y", {"strength": 0.5, "sparkle": 1.0}, {}, version="7.0")
    with pytest.raises(UsageError, match=r"version 7.0 and uses unknown options: sparkle"):
        ticket.settings()
    with pytest.raises(UsageError, match="strength must be between"):
        ProcessingRecord("x", "y", {"strength": 7.0}, {}).settings()


@pytest.mark.parametrize(
    "text", ["", "no json", "[1]", "{}", '{"v":1}', '{"v":2,"version":"1","model":"m","sha256":"s","options":{}}']
)
def test_invalid_records_are_ignored(text):
    assert read_record(_image(xmp.with_property(None, NAMESPACE, "ticket", text))) is None


def test_outputs_have_a_record_without_time_place_or_people(tmp_path: Path, tiny_weights: Path, make_picture):
    make_picture(tmp_path / "in" / "a.png", side=64)
    options = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", noise_level=20)
    for out in ("one", "two"):
        assert denoise_folder(tmp_path / "in", tmp_path / out, options).done == 1
    assert (tmp_path / "one" / "a.png").read_bytes() == (tmp_path / "two" / "a.png").read_bytes()
    image = imageio.read(tmp_path / "one" / "a.png")
    ticket = read_record(image)
    assert ticket is not None
    assert (ticket.version, ticket.model, ticket.options) == (__version__, "denoiser-tiny", {"noise_level": 20.0})
    assert ticket.place["device"] == "cpu"
    said = xmp.property_of(image.metadata.xmp or b"", NAMESPACE, "ticket") or ""
    assert set(json.loads(said)) <= {
        "v",
        "version",
        "model",
        "sha256",
        "options",
        "device",
        "precision",
        "tile",
        "noise",
        "torch",
    }
    assert ticket.torch == metadata.version("torch")
    assert str(tmp_path) not in said


def test_a_corrupt_packet_is_kept_without_a_record_and_reported(tmp_path, tiny_weights):
    (tmp_path / "in").mkdir()
    for name, packet in (("broken", b"<x:xmpmeta broken"), ("whole", _PACKET)):
        imageio.write(_image(packet), tmp_path / "in" / f"{name}.png")
    events: list[Event] = []
    options = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")
    assert denoise_folder(tmp_path / "in", tmp_path / "out", options, listener=events.append).done == 2
    notes = {event.source.stem: event.notes for event in events if isinstance(event, FileDone)}
    assert notes == {"broken": (NO_RECORD,), "whole": ()}
    assert imageio.read(tmp_path / "out" / "broken.png").metadata.xmp == b"<x:xmpmeta broken"
    for write in (WriteOptions(ticket=False), WriteOptions(strip=True)):
        events.clear()
        batch = BatchOptions(overwrite=True)
        denoise_folder(tmp_path / "in", tmp_path / "out", options, write=write, batch=batch, listener=events.append)
        assert {event.notes for event in events if isinstance(event, FileDone)} == {()}


@pytest.mark.parametrize("write", [WriteOptions(ticket=False), WriteOptions(strip=True)])
def test_outputs_bear_none_where_it_is_not_wanted(tmp_path: Path, tiny_weights: Path, make_picture, write):
    make_picture(tmp_path / "in" / "a.png")
    options = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")
    assert denoise_folder(tmp_path / "in", tmp_path / "out", options, write=write).done == 1
    assert imageio.read(tmp_path / "out" / "a.png").metadata.xmp is None


def test_an_image_without_xmp_has_no_record():
    assert read_record(from_numpy(np.zeros((2, 2), np.uint8))) is None
