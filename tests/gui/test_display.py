from __future__ import annotations

import importlib.util
import re
import struct
import sys
from pathlib import Path

import pytest

from denoiser.errors import MissingDisplay
from denoiser_gui.display import WAYLAND, WIDGETS, X11, check_display, missing_packages

# Part of every system that runs Python with compiled packages.
_EVERYWHERE = ("ld-linux", "libc.", "libm.", "libgcc_s.", "libstdc++.", "libz.", "libdl.", "libpthread.", "librt.")


def test_a_missing_display_is_reported_with_a_hint() -> None:
    with pytest.raises(MissingDisplay) as caught:
        check_display({}, platform="linux")
    assert "DISPLAY" in caught.value.message
    assert "ssh -X" in caught.value.hint
    assert caught.value.exit_code == 4


def test_other_systems_need_nothing() -> None:
    check_display({}, platform="darwin")


def test_the_missing_packages_are_named_and_no_others() -> None:
    lacking = {"libxcb-icccm.so.4", "libglib-2.0.so.0", "libgthread-2.0.so.0", "libwayland-client.so.0"}
    assert missing_packages("xcb", lambda name: name not in lacking) == ["libglib2.0-0", "libxcb-icccm4"]
    assert missing_packages("offscreen", lambda name: name not in lacking) == ["libglib2.0-0"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks the loader of Linux")
def test_the_dynamic_loader_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(X11, "libno-such-thing.so.7", "libno-such-thing7")
    with pytest.raises(MissingDisplay) as caught:
        check_display({"DISPLAY": ":0"}, platform="linux")
    assert caught.value.hint.startswith("On Debian and Ubuntu: sudo apt-get install ")
    assert "libno-such-thing7" in caught.value.hint.split()
    assert "libc6" not in caught.value.hint


def test_the_readme_installs_known_packages(pytestconfig: pytest.Config) -> None:
    # For minimal systems. The other packages are dependencies of these (tested on Debian 12).
    readme = (pytestconfig.rootpath / "README.md").read_text("utf-8")
    (line,) = re.findall(r"^sudo apt-get install (.*)$", readme, re.MULTILINE)
    packages = set(line.split())
    assert len(packages) == 12
    assert packages <= {*WIDGETS.values(), *X11.values(), *WAYLAND.values()}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the Linux wheel of Qt")
@pytest.mark.parametrize(("plugin", "known"), [("xcb", WIDGETS | X11), ("wayland", WIDGETS | WAYLAND)])
def test_the_tables_contain_all_libraries_that_qt_links_to(plugin: str, known: dict[str, str]) -> None:
    spec = importlib.util.find_spec("PySide6")
    if spec is None:
        pytest.skip("needs the wheel of PySide6")
    assert spec.submodule_search_locations
    home = Path(next(iter(spec.submodule_search_locations)))
    brought = {file.name: file for file in (home / "Qt" / "lib").iterdir()}
    reached: set[Path] = set()
    outside: set[str] = set()
    plugins = list((home / "Qt" / "plugins" / "platforms").glob(f"libq{plugin}*.so"))  # Wayland has had two of them
    assert plugins
    queue = [*plugins, brought["libQt6Widgets.so.6"]]
    while queue:
        file = queue.pop()
        reached.add(file)
        for name in _linked(file):
            if name not in brought:
                outside.add(name)
            elif brought[name] not in reached:
                queue.append(brought[name])
    assert len(reached) > 4, "the reader found too little of Qt to say anything"
    unknown = {name for name in outside if name not in known and not name.startswith(_EVERYWHERE)}
    assert not unknown, f"add these to denoiser_gui.display with their packages: {sorted(unknown)}"


def _linked(file: Path) -> list[str]:
    """The DT_NEEDED names of a 64-bit little-endian ELF file."""
    data = file.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01", f"{file} is no 64-bit little-endian ELF file"
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", data, table + i * size) for i in range(count)]
    dynamic = next(s for s in segments if s[0] == 2)  # PT_DYNAMIC
    entries = list(struct.iter_unpack("<qQ", data[dynamic[2] : dynamic[2] + dynamic[5]]))
    address = next(value for tag, value in entries if tag == 5)  # DT_STRTAB
    load = next(s for s in segments if s[0] == 1 and s[3] <= address < s[3] + s[5])  # PT_LOAD that holds the names
    names = load[2] + address - load[3]
    starts = [names + value for tag, value in entries if tag == 1]  # DT_NEEDED
    return [data[start : data.index(b"\0", start)].decode() for start in starts]
