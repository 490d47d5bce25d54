"""The published 2.6.0 and ours in one environment: both own the tables and the entry points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dcr_testkit import brokers, workers

pytestmark = pytest.mark.wheels

PUBLISHED = "django-celery-results==2.6.0"
ADVICE = (
    "django-celery-results 2.6.0 and dcr-models are installed side by side; both own the tables and the entry points "
    "'django-db' and 'django-cache'. Run `pip uninstall django-celery-results`"
)


@pytest.fixture(scope="module")
def python(install: Callable[..., str]) -> str:
    """Return the interpreter of an environment that has both."""
    return install("dcr-admin", "dcr-backends", PUBLISHED)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Return the settings of the project."""
    with brokers.filesystem(tmp_path) as broker:
        yield {
            "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "shop.sqlite3")}},
            **broker,
        }


@pytest.mark.parametrize("apps", [["dcr_models"], ["django_celery_results", "dcr_admin"]], ids=" ".join)
def test_check(python: str, settings: dict[str, Any], tmp_path: Path, apps: list[str]) -> None:
    settings |= {"INSTALLED_APPS": [*apps, "shop"]}

    done = workers.run("django", "check", settings=settings, folder=tmp_path, python=python)

    assert done.returncode != 0
    assert f"ImproperlyConfigured: {ADVICE}" in done.stderr


def test_worker(python: str, settings: dict[str, Any], tmp_path: Path) -> None:
    worker = workers.worker(settings=settings, folder=tmp_path, python=python)

    with pytest.raises(AssertionError, match=r"ended with [1-9]\d* before it said ' ready\.'"), worker:
        pass

    assert f"ImproperlyConfigured: {ADVICE}" in worker.log
