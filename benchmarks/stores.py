"""A folder of a bucket on a server of S3 on loopback: a repeated call, and memory over the number of files.

The server (moto) runs beside the program and shares its cores. For the repeated call, sources, outputs and records
are put there as a finished run leaves them. For memory, tiny images are cleaned, and the process tells its memory
after the plan and at each file. The bars: a call with 5,000 finished objects takes 20 s; memory at the last file of
20,000 is at most a tenth more than at the last of 1,000.

    python benchmarks/stores.py
    python benchmarks/stores.py --files 1000 20000 --at-most 2000     stop each run after 2,000 of its files
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import contract
import numpy as np

from denoiser import imageio, storage
from denoiser.batch import Settings, plan_folder
from denoiser.batch.manifest import Made, SourceFile, Stamp
from denoiser.batch.object_records import records_for
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions
from denoiser.storage import Url

MOST_SECONDS_AGAIN = 20.0  # for FILES_AGAIN objects, all of them done
FILES_AGAIN = 5000
MOST_GROWTH = 1.10
_SIDE = 16  # pixels

# Fills the bucket without the protocol, which would take longer than what is measured.
_SERVER = """
import sys
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
for line in sys.stdin:
    bucket, files, folders, value = line.split()
    backend.create_bucket(bucket, "us-east-1")
    for folder in folders.split(","):
        for number in range(int(files)):
            name = f"{folder}/{number // 1000:03}/{number:06}.png"
            backend.put_object(bucket, name, bytes.fromhex(value))
    print("filled", flush=True)
"""

# The memory of the process after the plan and at each file; it stops after some files.
_CHILD = """
import json, sys
from denoiser.batch import Settings, carry_out, plan_folder
from denoiser.events import CancelToken, FileDone, Started
from denoiser.options import DenoiseOptions
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
done, most, cancel = 0, int(sys.argv[4]), CancelToken()
def hear(event):
    global done
    if isinstance(event, (Started, FileDone)):
        print(resident(), flush=True)
        done += isinstance(event, FileDone)
        if done == most:
            cancel.cancel()
settings = Settings(DenoiseOptions(model=sys.argv[3], device="cpu"))
report = carry_out(plan_folder(sys.argv[1], sys.argv[2], settings), settings, listener=hear, cancel=cancel)
assert not report.failures, report
"""


def main() -> int:
    """Fills buckets, measures, and compares with the bars."""
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument(
        "--finished", type=int, default=FILES_AGAIN, help=f"objects of the repeated call ({FILES_AGAIN})"
    )
    parser.add_argument(
        "--files", type=int, nargs="*", default=[1000, 20000], help="objects of each run for memory"
    )
    parser.add_argument("--at-most", type=int, default=0, help="stop each of these runs after so many files")
    parser.add_argument("--model", default="fast", help="weights, as for denoise")
    words = parser.parse_args()
    report = contract.Report(__doc__, words)
    missed = []
    with _server() as server:
        if words.finished:
            missed.append(_again(server, words, report))
        late = [_memory(server, files, words, report) for files in words.files]
    if len(late) > 1:
        missed.append(_held("memory", late[-1] / late[0], MOST_GROWTH))
    return report.finish() or int(any(missed))


@contextmanager
def _server() -> Iterator[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", _SERVER], text=True, **pipes) as server:
        assert server.stdout is not None and server.stdin is not None
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
        yield server
        server.stdin.close()


def _filled(server: subprocess.Popen[str], bucket: str, files: int, *folders: str) -> Url:
    """Return the URL of a bucket that has so many tiny images in each folder."""
    noisy = np.random.default_rng(0).normal(128, 15, (_SIDE, _SIDE, 3)).clip(0, 255).astype(np.uint8)
    data = imageio.encode(from_numpy(noisy), "png")
    assert server.stdin is not None and server.stdout is not None
    server.stdin.write(f"{bucket} {files} {','.join(folders)} {data.hex()}\n")
    server.stdin.flush()
    assert server.stdout.readline() == "filled\n"
    return Url(f"s3://{bucket}")


def _again(server: subprocess.Popen[str], words: argparse.Namespace, report: contract.Report) -> bool:
    """Measure the same call when there is nothing left to do."""
    files, model = words.finished, words.model
    bucket = _filled(server, "finished", files, "in", "out")
    settings = Settings(DenoiseOptions(model=model, device="cpu"))
    choice = plan_folder(bucket / "in", bucket / "new", settings).choice
    assert choice is not None
    records = records_for(bucket / "out", settings)
    records.start(choice.digest, {"model": choice.model, "device": "cpu", "precision": "bf16", "version": "0"})
    made = {info.name: Stamp(info.size, info.mtime_ns) for info in storage.listed(Url(bucket / "out"))}
    facts = {"result": "cleaned", "seconds": 0.1, "model": choice.model, "device": "cpu", "precision": "bf16"}
    for info in storage.listed(Url(bucket / "in")):
        source = SourceFile(bucket / "in" / info.name, Stamp(info.size, info.mtime_ns), "0" * 64)
        records.begun(bucket / "out" / info.name, source)
        records.done(bucket / "out" / info.name, source, Made(made[info.name], "0" * 64, 0.000256, facts))
    records.close({"done": files})
    seconds, cpu = [], []
    for _ in range(words.repeat):
        command = [sys.executable, "-m", "denoiser_cli", "clean", str(bucket / "in"), "--out", str(bucket / "out")]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        ended = subprocess.run(
            [*command, "--model", model, "--device", "cpu", "--json"], check=True, stdout=subprocess.PIPE, text=True
        )
        seconds.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert json.loads(ended.stdout.splitlines()[-1])["already_there"] == files
    timing = contract.Timing(tuple(seconds), tuple(cpu))
    report.add(f"again, {files} objects done", {"denoise": timing}, facts={"denoise": {"cpu_s": timing.cpu_median}})
    return _held("again", timing.median, MOST_SECONDS_AGAIN * max(1.0, files / FILES_AGAIN))


def _memory(server: subprocess.Popen[str], files: int, words: argparse.Namespace, report: contract.Report) -> int:
    """Return the memory of the process at the last file."""
    bucket = _filled(server, f"files-{files}", files, "in")
    command = [sys.executable, "-c", _CHILD, str(bucket / "in"), str(bucket / "out"), words.model]
    began = time.perf_counter()
    ended = subprocess.run([*command, str(words.at_most)], stdout=subprocess.PIPE, text=True, check=True)
    planned, *memory = [int(line) for line in ended.stdout.splitlines()]
    facts = {
        "planned_mb": planned / 1e6,
        "early_mb": memory[min(99, len(memory) - 1)] / 1e6,
        "late_mb": memory[-1] / 1e6,
    }
    facts |= {"cleaned": len(memory), "seconds": time.perf_counter() - began}
    report.add_facts(f"{files} tiny images", "memory", **facts)
    return memory[-1]


def _held(name: str, figure: float, most: float) -> bool:
    """Print the figure; return whether the bar was missed."""
    print(f"{name}: {'MISSED' if figure > most else 'met'}, {figure:.3f} against {most:g} at most")
    return figure > most


if __name__ == "__main__":
    sys.exit(main())
