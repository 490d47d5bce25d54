"""A backend that does not sleep between its attempts, and somebody else on the same database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from dcr_backends.database import DatabaseBackend


@pytest.fixture
def bystander() -> Iterator[BaseDatabaseWrapper]:
    """Return a connection of somebody else to the database of the test."""
    other = connection.copy("bystander")
    yield other
    if other.in_atomic_block or not other.get_autocommit():
        other.rollback()
    other.close()


@pytest.fixture
def sleeps() -> list[float]:
    """Return the waits between attempts, in seconds."""
    return []


@pytest.fixture
def backend(app: Celery, sleeps: list[float]) -> Iterator[DatabaseBackend]:
    backend: DatabaseBackend = app.backend
    backend._sleep = sleeps.append
    yield backend
    connection.close()  # whatever a test set for its session
