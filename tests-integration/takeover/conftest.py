"""Fixtures: the recorded databases, and the installations that take them over."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dcr_testkit.databases import VENDORS, Recording, scratch_database
from takeover.installations import Installation, Interpreter
from takeover.make_dumps import RELEASES

#: Environment variable with the interpreter of an environment that has the published release.
PUBLISHED_PYTHON = "DCR_PUBLISHED_PYTHON"
PUBLISHED_RELEASE = "2.6.0"

REMEDY = (
    f"It names the Python of an environment with django-celery-results {PUBLISHED_RELEASE}; "
    "the nox sessions `services` and `parity` make that environment and set it."
)


def marks(vendor: str) -> Any:
    """Return the marks of a test on that vendor's database."""
    return () if vendor == "sqlite" else pytest.mark.services


@pytest.fixture(params=[pytest.param(vendor, marks=marks(vendor)) for vendor in VENDORS])
def vendor(request: pytest.FixtureRequest) -> str:
    """Return the name of a vendor, for tests that begin with an empty database."""
    return str(request.param)


@pytest.fixture(
    params=[
        pytest.param(Recording(release, vendor), marks=marks(vendor), id=f"{release}-{vendor}")
        for release in RELEASES
        for vendor in VENDORS
    ]
)
def recording(request: pytest.FixtureRequest) -> Any:
    """Return one of the recorded databases."""
    return request.param


@pytest.fixture
def recorded(recording: Recording) -> dict[str, Any]:
    """Return the description of the recorded database."""
    return recording.describe()


@pytest.fixture
def database(recording: Recording, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Lend a fresh database with the rows of the recorded one."""
    with scratch_database(recording.vendor, tmp_path, recording.dump) as database:
        yield database


@pytest.fixture(scope="session")
def our_python() -> Iterator[Interpreter]:
    """Run the interpreter of the tests once more, with warnings as errors as in the tests."""
    with Interpreter(sys.executable, "-W", "error") as interpreter:
        yield interpreter


@pytest.fixture
def ours(our_python: Interpreter) -> Installation:
    """Return a project that has dcr_models in INSTALLED_APPS."""
    return Installation(our_python, "dcr_models")


@pytest.fixture
def facade(our_python: Interpreter) -> Installation:
    """Return a project that has django_celery_results in INSTALLED_APPS, as with the published releases."""
    return Installation(our_python, "django_celery_results")


def installed_release(executable: str) -> str:
    """Return the version of django-celery-results that an interpreter has; "none" where it has none."""
    question = "from importlib.metadata import version; print(version('django-celery-results'))"
    answer = subprocess.run([executable, "-c", question], capture_output=True, encoding="utf-8", check=False)
    return answer.stdout.strip() or "none"


@pytest.fixture(scope="session")
def published_python() -> Iterator[Interpreter]:
    """Run the interpreter that has the published release."""
    executable = os.environ.get(PUBLISHED_PYTHON)
    if not executable:
        pytest.fail(f"{PUBLISHED_PYTHON} is not set. {REMEDY}", pytrace=False)
    release = installed_release(executable)
    if release != PUBLISHED_RELEASE:
        pytest.fail(f"{PUBLISHED_PYTHON} is {executable!r}, which has release {release}. {REMEDY}", pytrace=False)
    with Interpreter(executable) as interpreter:
        yield interpreter


@pytest.fixture
def published(published_python: Interpreter) -> Installation:
    """Return a project with the published 2.6.0."""
    return Installation(published_python, "django_celery_results")
