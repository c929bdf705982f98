"""A torchvision that cannot be imported stops only what needs it; tests/training says how it is named there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# What a torchvision built for another torch does when it is imported: its operators are not there.
_OTHER_BUILD = "raise RuntimeError('operator torchvision::nms does not exist')\n"


def test_cleaning_and_files_never_notice(tmp_path: Path) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(_OTHER_BUILD, "utf-8")
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "import denoiser.api.calls, denoiser.engine, denoiser.imageio, denoiser.batch, denoiser.training",
        ],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
