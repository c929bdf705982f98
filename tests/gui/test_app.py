from __future__ import annotations

import subprocess
import sys


def test_says_that_it_is_not_built_and_exits_4() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from denoiser_gui.app import main; main()"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 4
    assert run.stdout == ""
    first, hint, *_ = run.stderr.splitlines()
    assert "not part of this version" in first
    assert "denoise ./imgs --out ./clean" in hint
    assert "Traceback" not in run.stderr
