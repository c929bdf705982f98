"""Commands take the URLs of stores, or say that they do not."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from denoiser import storage
from denoiser.storage import Url
from denoiser_cli.commands import COMMANDS

Maker = Callable[..., Path]
TAKING = {"clean", "encode", "decode", "estimate", "embed"}


@pytest.fixture
def store(tmp_path: Path, make_picture: Maker) -> Url:
    """A store with two images below /in."""
    url = Url(f"memory://{tmp_path.name}")
    for number, name in enumerate(("a.png", "sub/b.png")):
        storage.publish(make_picture(f"imgs/{name}", seed=number), Url(url / "in" / name))
    return url


def names(url: Url) -> list[str]:
    return sorted(info.name for info in storage.listed(url) if ".denoise" not in info.name)


def test_a_folder_is_cleaned_and_done_already(call, store: Url, network) -> None:
    answer = call(store / "in", "--out", store / "out", "--dry-run", *network)
    assert (
        answer.code == 0 and f"{store}/in/a.png -> {store}/out/a.png" in answer.out and names(store / "out") == []
    )
    answer = call(store / "in", "--out", store / "out", *network)
    assert (
        answer.code == 0
        and answer.err.endswith(f": {store}/out\n")
        and names(store / "out") == ["a.png", "sub/b.png"]
    )
    answer = call(store / "in", "--out", store / "out", "--json", *network)
    assert json.loads(answer.out.splitlines()[-1])["already_there"] == 2
    Path("list").write_text(f"{store}/in/a.png\n", "utf-8")
    assert call("--files-from", "list", "--out", "down", *network).code == 0
    assert [path.name for path in Path("down").rglob("*.png")] == ["a.png"]


def test_latent_files(call, store: Url) -> None:
    assert call("encode", store / "in", "--out", store / "latents", "--lossless").code == 0
    assert call("decode", store / "latents", "--out", store / "again").code == 0
    assert names(store / "again") == ["a.png", "sub/b.png"]


def test_estimates_and_tables_name_the_urls(call, store: Url) -> None:
    storage.write_bytes(Url(store / "in" / "bad.png"), b"no image")
    answer = call("estimate", store / "in", "--csv")
    assert answer.code == 1 and f"{store}/in/bad.png is not an image" in answer.err
    rows = [row["path"] for row in csv.DictReader(answer.out.splitlines())]
    assert sorted(rows) == [f"{store}/in/a.png", f"{store}/in/sub/b.png"]
    for reused in ("2 images in", "2 images, 2 of them unchanged in"):
        answer = call("embed", store / "in", "--out", "t.parquet", "--model", "fast")
        assert answer.code == 1 and reused in answer.err and f"{store}/in/bad.png" in answer.err


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - TAKING))
def test_other_commands_refuse_a_url(call, name: str) -> None:
    answer = call(name, "s3://bucket/in")
    assert answer.code == 2
    if "works with files" not in answer.err:  # the command takes no path, or misses another argument
        assert "no such file" not in answer.err.lower()


@pytest.mark.parametrize("name", ["watch", "info", "verify", "map", "similar"])
def test_the_message_names_the_command(call, name: str) -> None:
    answer = (
        call(name, "s3://bucket/in", "--out", "x") if name not in ("info", "verify") else call(name, "s3://b/in")
    )
    assert f"denoise {name} works with files, not with URLs." in answer.err and answer.code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("s3://bucket/in",), "--out is missing"),
        (("-", "--out", "s3://bucket/a.png"), "Pipes and URLs cannot be combined."),
        (("s3://bucket/in", "--out", "x", "--series"), "--series does not work with URLs"),
        (("s3://key:hush@bucket/in", "--out", "x"), "contains a password or a signature"),
        (("ftp://host/in", "--out", "x"), "unsupported protocol ftp://"),
        (("embed", "imgs", "--out", "s3://b/t.parquet"), "cannot be written to a store"),
    ],
)
def test_what_is_refused(call, make_picture: Maker, words: tuple[str, ...], message: str) -> None:
    make_picture("imgs/a.png")
    answer = call(*words)
    assert answer.code == 2 and message in answer.err and "hush" not in answer.out + answer.err
