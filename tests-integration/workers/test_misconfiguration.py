"""What a worker says when the project is set up wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from dcr_testkit import brokers, workers
from dcr_testkit.databases import scratch_database
from dcr_testkit.workers import wait_until
from workers.sites import calling

pytestmark = pytest.mark.worker


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Return the settings of a project whose database is an empty file."""
    with brokers.filesystem(tmp_path) as broker:
        yield {
            "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "shop.sqlite3")}},
            "CELERY_RESULT_BACKEND": "django-db",
            **broker,
        }


def refusal(settings: dict[str, Any], folder: Path) -> str:
    """Return the log of a worker that does not start."""
    process = workers.worker(settings=settings, folder=folder)
    with pytest.raises(AssertionError, match=r"ended with [1-9]\d* before it said ' ready\.'"), process:
        pass
    assert not process.has_orphans
    return process.log


def complaint(settings: dict[str, Any], folder: Path) -> str:
    """Return what ``manage.py check`` says of a project that it does not let pass."""
    done = workers.run("django", "check", settings=settings, folder=folder)
    assert done.returncode != 0
    return str(done.stderr)


@pytest.mark.parametrize(
    "vendor",
    [
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.services),
        pytest.param("mariadb", marks=pytest.mark.services),
    ],
)
def test_tables_are_missing(settings: dict[str, Any], tmp_path: Path, django_db_blocker: Any, vendor: str) -> None:
    advice = "run `manage.py migrate django_celery_results"
    with scratch_database(vendor, tmp_path) as database:
        settings |= {"DATABASES": {"default": database}}
        with workers.worker(settings=settings, folder=tmp_path, concurrency=1) as process:
            process.wait_for(advice, seconds=5)
            (line,) = [line for line in process.log.splitlines() if advice in line]
            assert ": CRITICAL/MainProcess] The result backend 'django-db' finds no table" in line
            for table in ("chordcounter", "groupresult", "taskresult"):
                assert f"django_celery_results_{table}" in line

            with django_db_blocker.unblock(), calling(settings, tmp_path) as caller:
                lost = caller.send("add", 1, 2)
                with pytest.raises(ImproperlyConfigured, match=rf"{advice} --database site`"):
                    caller.get(lost)
                caller.send("touch", caller.path("touched"))  # has no result to store, and is next
                wait_until(Path(caller.path("touched")).exists, "run of the next task")
            assert "ImproperlyConfigured: The result backend 'django-db' finds no table" in process.log


def test_database_does_not_answer(settings: dict[str, Any], tmp_path: Path) -> None:
    settings["DATABASES"]["default"]["NAME"] = str(tmp_path / "no such folder" / "shop.sqlite3")

    with workers.worker(settings=settings, folder=tmp_path, concurrency=1) as process:
        process.wait_for("The database 'default' of the result backend 'django-db' does not answer:", seconds=5)
        assert process.is_running


def test_cache_backend_is_the_name_of_a_result_backend(settings: dict[str, Any], tmp_path: Path) -> None:
    settings |= {"CELERY_RESULT_BACKEND": "django-cache", "CELERY_CACHE_BACKEND": "django-cache"}

    for said in (refusal(settings, tmp_path), complaint(settings, tmp_path)):
        assert "'django-cache', which is the name of a result backend" in said
        assert "Did you mean result_backend (CELERY_RESULT_BACKEND) = 'django-cache'?" in said
        assert "cache_backend names an entry of Django's CACHES: 'default'" in said


def test_cache_backend_is_unknown(settings: dict[str, Any], tmp_path: Path) -> None:
    settings |= {"CELERY_RESULT_BACKEND": "django-cache", "CELERY_CACHE_BACKEND": "results"}

    for said in (refusal(settings, tmp_path), complaint(settings, tmp_path)):
        assert "is 'results', which Django's CACHES does not have. Set it to one of 'default', or add the entry" in said


def test_app_is_not_installed(settings: dict[str, Any], tmp_path: Path) -> None:
    settings |= {"INSTALLED_APPS": ["shop"]}

    said = refusal(settings, tmp_path)

    assert "ImproperlyConfigured: " in said
    assert "Add 'dcr_models' to INSTALLED_APPS, or 'django_celery_results'" in said


def test_app_is_installed_twice(settings: dict[str, Any], tmp_path: Path) -> None:
    settings |= {"INSTALLED_APPS": ["dcr_models", "django_celery_results", "shop"]}

    for said in (refusal(settings, tmp_path), complaint(settings, tmp_path)):
        assert "INSTALLED_APPS lists 'dcr_models' and 'django_celery_results': these are the same app twice" in said
