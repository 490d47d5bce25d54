"""Each distribution as somebody gets it who asks for that one: a clean environment, a small project."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dcr_testkit import brokers, workers
from wheels.distributions import DISTRIBUTIONS, Distribution

pytestmark = pytest.mark.wheels

SMOKE = Path(__file__).resolve().parent / "smoke"


def run(python: str, script: str, *arguments: str, folder: Path, **environment: str) -> None:
    """Run a script of the folder ``smoke``; fail with its output where it fails."""
    done = subprocess.run(
        [python, "-P", "-W", "error", str(SMOKE / script), *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=str)
def test_every_module_is_importable(install: Callable[..., str], tmp_path: Path, distribution: Distribution) -> None:
    siblings = sorted(name.replace("-", "_") for name in distribution.siblings)

    run(install(distribution.name), "imports.py", distribution.package, *siblings, folder=tmp_path)


@pytest.mark.parametrize(
    ("distribution", "script"),
    [
        ("dcr-models", "models.py"),
        ("dcr-admin", "admin.py"),
        ("dcr-http", "endpoints.py"),
        ("django-celery-results", "old_names.py"),
    ],
)
def test_small_project(install: Callable[..., str], tmp_path: Path, distribution: str, script: str) -> None:
    run(install(distribution), script, folder=tmp_path)


def test_worker_without_admin_and_endpoints(install: Callable[..., str], tmp_path: Path) -> None:
    python = install("dcr-backends")
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "shop.sqlite3")}
    with brokers.filesystem(tmp_path) as broker:
        settings = {"DATABASES": {"default": database}, **broker}
        workers.migrate(settings, tmp_path, python)
        with workers.worker(settings=settings, folder=tmp_path, concurrency=1, python=python) as worker:
            run(python, "headless.py", folder=tmp_path, **workers.environment(settings))
            assert worker.unexpected == []
