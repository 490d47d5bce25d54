"""Pytest plugin: a Celery app per test, and a report header that names the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from celery._state import _tls


def pytest_report_header() -> str:
    """Say which database and versions a run is about."""
    import celery
    import django
    from django.conf import settings

    return f"database: {settings.VENDOR}, Django {django.__version__}, Celery {celery.__version__}"


def make_app(**conf: Any) -> Celery:
    """Return a Celery app of its own with an in-memory broker and the given configuration."""
    app = Celery("tests", set_as_current=False, broker="memory://", config_source=None)
    app.conf.update(conf)
    return app


@pytest.fixture
def celery_app() -> Iterator[Celery]:
    """Return the current Celery app of this test, with ``django-db`` as its result backend."""
    app = make_app(result_backend="django-db")
    previous = getattr(_tls, "current_app", None)
    app.set_current()
    try:
        yield app
    finally:
        app.close()
        _tls.current_app = previous
