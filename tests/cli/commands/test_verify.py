"""`denoise verify`: all symbols are checked, and damaged files are reported."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from denoiser.codec import container
from denoiser.codec.container import TileStream


def test_valid_files_are_valid(call, make_picture, codec) -> None:
    make_picture("imgs/a.png", side=130)
    make_picture("imgs/b.png")
    assert call("encode", "imgs", "--out", "l", *codec).code == 0
    before = {path: path.read_bytes() for path in Path().rglob("*.*") if path.is_file()}
    answer = call("verify", "l", "--model", codec[1])
    assert (answer.code, answer.out, answer.err) == (0, "l/a.dlf: valid\nl/b.dlf: valid\n", "2 valid.\n")
    assert {path: path.read_bytes() for path in before} == before, "nothing is written"
    lines = [json.loads(line) for line in call("verify", "l", "--json", "--model", codec[1]).out.splitlines()]
    assert lines == [{"event": "verified", "source": f"l/{name}.dlf"} for name in "ab"]


def test_damage_is_found_also_where_all_checksums_of_bytes_are_right(call, make_picture, codec) -> None:
    make_picture("a.png", side=130)
    assert call("encode", "a.png", "--out", "a.dlf", *codec).code == 0
    file = container.read(Path("a.dlf"))
    stream = bytearray(file.tiles[0].stream)
    stream[20] ^= 4
    forged = dataclasses.replace(file, tiles=(TileStream(bytes(stream), file.tiles[0].symbols_crc),))
    Path("b.dlf").write_bytes(container.write(forged))
    Path("c.dlf").write_bytes(Path("a.dlf").read_bytes()[:-5])
    answer = call("verify", "a.dlf", "b.dlf", "c.dlf", "-q", "--model", codec[1])
    assert (answer.code, answer.out) == (1, "")
    assert [line.split(":")[0] for line in answer.err.splitlines() if ".dlf" in line] == ["b.dlf", "c.dlf"]


def test_files_of_missing_weights_are_reported(call, make_picture, codec) -> None:
    make_picture("a.png", side=130)
    assert call("encode", "a.png", "--out", "a.dlf", *codec).code == 0
    answer = call("verify", "a.dlf")
    assert answer.code == 4 and "weights" in answer.err


def test_nothing_to_verify_is_an_error(call, make_picture) -> None:
    make_picture("imgs/a.png")
    answer = call("verify", "imgs")
    assert answer.code == 3 and answer.err.startswith("imgs: no latent file found.")
