"""A process in which torch is loaded already, and of which runs of the program are forked: run as a script.

Each line it reads is a wish in JSON: a number is a process to wait for, whose exit code is answered; anything else
is a run to start, whose number is answered.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

import denoiser.batch.cleaning
import denoiser.batch.runner
import denoiser.engine.session  # and with it torch, which takes two seconds
import denoiser.estimation.estimator
import denoiser.imageio.backends.libvips
import denoiser.imageio.reader  # noqa: F401 - what a run would load
from denoiser_cli.app import run


def _begin(wish: dict[str, Any]) -> int:
    """In the child: as a process of its own would begin, then the run."""
    os.chdir(wish["folder"])
    os.environ.clear()
    os.environ.update(wish["environment"])
    for number, name, how in ((0, os.devnull, os.O_RDONLY), (1, wish["out"], _ADD), (2, wish["err"], _ADD)):
        opened = os.open(name, how, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    exec(wish["before"], {})
    return run(wish["words"])


_ADD = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def _child(wish: dict[str, Any]) -> None:
    code = 1
    try:
        code = _begin(wish)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - it is shown, and the child ends
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")  # the runs have no part in it
    for line in sys.stdin:
        wish = json.loads(line)
        if isinstance(wish, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(wish, 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _child(wish)
        print(answer, file=answers, flush=True)
