"""The files for operators are valid, by the tools that check such files, and start commands that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from denoiser_cli.app import program

_TOOLS = Path(sys.executable).parent


@pytest.fixture
def deploy(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / "deploy"


@pytest.fixture
def job(deploy: Path) -> Any:
    return yaml.safe_load((deploy / "rayjob.yaml").read_text(encoding="utf-8"))


def test_the_slurm_script(deploy: Path) -> None:
    subprocess.run([_TOOLS / "shellcheck", deploy / "slurm.sh"], check=True)


def test_the_container_file(deploy: Path) -> None:
    subprocess.run([_TOOLS / "hadolint", "--failure-threshold", "warning", deploy / "Containerfile"], check=True)
    words = (deploy / "Containerfile").read_text(encoding="utf-8")
    assert re.findall(r"/source\[([\w,]+)\]", words) == ["cluster,heif,jxl,raw"]


def test_the_pods_of_the_ray_job(job: Any) -> None:
    spec = job["spec"]["rayClusterSpec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": group["template"]["spec"]}
        kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def test_the_command_of_the_ray_job_and_its_workers_fit(job: Any, deploy: Path) -> None:
    spec = job["spec"]["rayClusterSpec"]
    words = shlex.split(job["spec"]["entrypoint"])
    found = re.search(
        r'"ray>=([\d.]+)"', (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    )
    assert found is not None and spec["rayVersion"].startswith(found[1])
    assert words[0] == "denoise" and words[words.index("--cluster") + 1] == "auto"
    (group,) = spec["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    cores = int(container["resources"]["limits"]["cpu"])
    assert int(words[words.index("--workers") + 1]) == group["maxReplicas"] * cores
    result = CliRunner().invoke(program, ["clean", *words[1:], "--help"])
    assert result.exit_code == 0
