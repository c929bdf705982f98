"""Starting costs nothing: heavy packages are loaded by the work that needs them, never by looking around."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "torch",
    "torchvision",
    "numpy",
    "PIL",
    "PySide6",
    "pyvips",
    "rich",
    "skimage",
    "safetensors",
    "constriction",
}
TRIES = 7  # the best of several: a busy machine adds time, it never takes any away

_NAMES_LOADED = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def _loaded_by(statement: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{_NAMES_LOADED}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(json.loads(run.stdout.splitlines()[-1]))


def _cpu_seconds(*words: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _best(*words: str) -> float:
    return min(_cpu_seconds(*words) for _ in range(TRIES))


def test_import_denoiser_loads_no_heavy_package() -> None:
    assert _loaded_by("import denoiser") & HEAVY == set()


def test_import_denoiser_takes_under_150_ms_of_cpu() -> None:
    assert _best("-c", "import denoiser") < 0.15


_HELP = """
import sys
sys.argv = ["denoise", *{words}]
from denoiser_cli.app import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize("words", [["--help"], ["clean", "--help"], ["--version"]], ids=" ".join)
def test_help_loads_no_heavy_package(words: list[str]) -> None:
    assert _loaded_by(_HELP.format(words=words)) & HEAVY == set()


def test_help_takes_under_300_ms_of_cpu() -> None:
    assert _best("-c", _HELP.format(words=["--help"])) < 0.3


@pytest.mark.parametrize("words", [["--no-such-flag"], ["--out", "clean"]], ids=["flag", "path"])
def test_a_usage_error_costs_no_heavy_package(tmp_path: Path, words: list[str]) -> None:
    wrong = f"import sys; sys.argv = {['denoise', str(tmp_path / 'absent'), *words]!r}"
    loaded = _loaded_by(f"{wrong}\nfrom denoiser_cli.app import main\ntry:\n    main()\nexcept SystemExit: pass")
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("room", ["errors", "events", "options", "atomicfile", "childprocess"])
def test_the_values_that_cross_no_pixels_load_nothing_heavy(room: str) -> None:
    assert _loaded_by(f"import denoiser.{room}") & HEAVY == set()


_PROVE = """
from pathlib import Path
from denoiser.codec import container
from denoiser.codec.decode import Verifier
file = Path({folder!r}, "colour.dlf")
Verifier(str(Path({folder!r}, "golden.safetensors"))).verify(container.read(file), file.name)
"""


def test_a_latent_file_is_proven_without_torch(pytestconfig: pytest.Config) -> None:
    """Down to its last symbol: nothing that must be exact goes through floats."""
    folder = pytestconfig.rootpath / "tests" / "golden" / "v1"
    loaded = _loaded_by(_PROVE.format(folder=str(folder)))
    assert loaded & {"torch", "torchvision", "PySide6", "rich"} == set()
    assert "constriction" in loaded


@pytest.mark.parametrize("room", ["imageio", "batch"])
def test_files_and_plans_are_read_without_torch(room: str) -> None:
    assert _loaded_by(f"import denoiser.{room}") & {"torch", "torchvision", "PySide6", "rich"} == set()
