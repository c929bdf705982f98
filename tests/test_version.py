import tomllib

import denoiser
from denoiser.version import __version__


def test_the_version_is_that_of_the_project(pytestconfig):
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == denoiser.__version__ == __version__
