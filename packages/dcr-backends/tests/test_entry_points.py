"""The names under which Celery finds the backends."""

from __future__ import annotations

from importlib.metadata import entry_points

from dcr_backends.cache import CacheBackend
from dcr_backends.database import DatabaseBackend


def test_exactly_ours() -> None:
    found = {point.name: point for point in entry_points(group="celery.result_backends")}
    assert sorted(found) == ["django-cache", "django-db"]
    assert found["django-db"].load() is DatabaseBackend
    assert found["django-cache"].load() is CacheBackend


def test_one_distribution_owns_them() -> None:
    owners = {point.dist.name for point in entry_points(group="celery.result_backends") if point.dist}
    assert owners == {"dcr-backends"}
