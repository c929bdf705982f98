from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from denoiser.codec.container import layout
from denoiser.errors import Missing
from denoiser.imageio import formats
from denoiser_gui import installation
from denoiser_gui.installation import ENTRY, ICON, MIME, THUMBNAILER

_SHARE = Path(installation.__file__).parent / "share"


def test_three_files_are_installed_and_removed(tmp_path: Path) -> None:
    asked: list[list[str]] = []
    written = installation.install(tmp_path, platform="linux", run=asked.append)
    assert written == [tmp_path / ENTRY, tmp_path / ICON, tmp_path / MIME, tmp_path / THUMBNAILER]
    assert all(path.is_file() for path in written)
    assert ["update-mime-database", str(tmp_path / "mime")] in asked
    assert installation.remove(tmp_path, run=asked.append) == written
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert installation.remove(tmp_path, run=asked.append) == []


def test_the_menu_entry_starts_this_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / 'my $odd "env" 100%' / "bin"
    place.mkdir(parents=True)
    (place / "denoise-gui").write_text("")
    monkeypatch.setattr("sys.executable", str(place / "python"))
    entry = installation.contents(installation.command())[ENTRY].decode()
    (line,) = [line for line in entry.splitlines() if line.startswith("Exec=")]
    assert line.endswith('/bin/denoise-gui" %F') and line.startswith('Exec="/')
    assert '\\\\$odd \\\\"env\\\\" 100%%' in line


def test_a_plain_path_stays_plain() -> None:
    assert installation._quoted("/opt/denoise/bin/denoise-gui") == "/opt/denoise/bin/denoise-gui"


def test_other_systems_are_refused(tmp_path: Path) -> None:
    for platform in ("win32", "darwin"):
        with pytest.raises(Missing) as caught:
            installation.install(tmp_path, platform=platform)
        assert "denoise gui" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_the_mime_type_matches_the_magic_bytes() -> None:
    text = (_SHARE / "mime" / "packages" / "denoise.xml").read_text("utf-8")
    escaped = layout.MAGIC.decode("latin-1").encode("unicode_escape").decode()
    assert f'value="{escaped}"' in text
    assert f'type="{installation.LATENT_TYPE}"' in text


def test_the_menu_entry_lists_readable_types() -> None:
    text = (_SHARE / "applications" / "denoise.desktop").read_text("utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("MimeType=")]
    types = set(line.removeprefix("MimeType=").strip(";").split(";"))
    assert installation.LATENT_TYPE in types
    assert types - {installation.LATENT_TYPE} == {
        f"image/{key}" for key, row in formats.ROWS.items() if row.extra is None
    }


@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="needs desktop-file-utils")
def test_the_entry_is_valid(tmp_path: Path) -> None:
    installation.install(tmp_path, platform="linux", run=lambda _words: None)
    run = subprocess.run(
        ["desktop-file-validate", str(tmp_path / ENTRY)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0 and not run.stdout + run.stderr


@pytest.mark.skipif(not shutil.which("update-mime-database"), reason="needs shared-mime-info")
def test_the_desktop_recognises_the_type(tmp_path: Path) -> None:
    installation.install(tmp_path, platform="linux")
    globs = (tmp_path / "mime" / "globs2").read_text("utf-8")
    assert f"{installation.LATENT_TYPE}:*.dlf" in globs
    assert b"\x89DLF\r\n\x1a\n" in (tmp_path / "mime" / "magic").read_bytes()


def test_the_program_installs_and_removes(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    command = [sys.executable, "-c", "from denoiser_gui.app import main; main()"]
    run = subprocess.run(
        [*command, "--install-desktop"], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.count("Written: ") == 4 and not run.stderr
    assert (tmp_path / ENTRY).is_file()
    run = subprocess.run(
        [*command, "--remove-desktop"], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.count("Removed: ") == 4
    assert not (tmp_path / ENTRY).exists()


def test_the_data_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert installation.data_folder() == tmp_path
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert installation.data_folder().is_absolute()
