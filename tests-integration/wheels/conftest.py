"""Clean environments, each with what one test installs from the built wheels and nothing else of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wheels.distributions import DISTRIBUTIONS


@pytest.fixture(scope="session")
def dist() -> Path:
    """Return the folder with the wheels and source distributions of all five."""
    folder = os.environ.get("DCR_WHEELS")
    if not folder:
        pytest.fail("DCR_WHEELS must name the folder that `uv build --all-packages` wrote to; `nox -s wheels` does it.")
    path = Path(folder).resolve()
    for distribution in DISTRIBUTIONS:
        for pattern in (f"{distribution.package}-*.whl", f"{distribution.package}-*.tar.gz"):
            found = len(list(path.glob(pattern)))
            if found != 1:
                pytest.fail(f"DCR_WHEELS: {path} must hold one file {pattern}, and holds {found}.")
    return path


@pytest.fixture(scope="session")
def install(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return a function that makes an environment of requirements and returns its interpreter."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.fail("The clean environments are made with uv, which is not on PATH: set UV to where it is.")
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    made: dict[tuple[str, ...], str] = {}

    def install(*requirements: str) -> str:
        if requirements in made:
            return made[requirements]
        folder = tmp_path_factory.mktemp("environment")
        python = str(folder / "venv/bin/python")
        # Rebuilt wheels have the name and version of those that uv may have kept.
        fresh = [option for distribution in DISTRIBUTIONS for option in ("--refresh-package", distribution.name)]
        for command in (
            ["venv", "--python", sys.executable, "venv"],
            ["pip", "install", "--python", python, "--find-links", str(dist), *fresh, *requirements],
        ):
            # Not in the workspace, whose settings uv would apply.
            done = subprocess.run(
                [uv, "--quiet", *command],
                cwd=folder,
                env=inherited,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr
        made[requirements] = python
        return python

    return install
