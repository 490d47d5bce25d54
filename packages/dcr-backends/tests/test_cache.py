"""``django-cache``: which cache, for how long, and what is said where the configuration is wrong."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult, GroupResult
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured

from dcr_backends.cache import CacheBackend


@pytest.fixture
def configured(configured: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that configures the app for ``django-cache`` and returns its backend."""

    def cache_configured(**conf: Any) -> Any:
        return configured(result_backend="django-cache", **conf)

    return cache_configured


def key(task_id: str) -> str:
    return f"celery-task-meta-{task_id}"


class TestWhichCache:
    def test_default(self, configured: Callable[..., Any], task_id: str) -> None:
        backend = configured()
        backend.mark_as_done(task_id, "value")
        assert backend.cache_backend is caches["default"]
        assert caches["default"].get(key(task_id))["result"] == "value"
        assert caches["second"].get(key(task_id)) is None

    def test_alias_is_honoured(self, configured: Callable[..., Any], task_id: str) -> None:
        backend = configured(cache_backend="second")
        backend.mark_as_done(task_id, "value")
        assert backend.cache_backend is caches["second"]
        assert caches["second"].get(key(task_id))["result"] == "value"
        assert caches["default"].get(key(task_id)) is None

    def test_namespaced_setting(self, task_id: str) -> None:
        app = Celery("tests", set_as_current=False, broker="memory://")
        conf = {"CELERY_RESULT_BACKEND": "django-cache", "CELERY_CACHE_BACKEND": "second"}
        app.config_from_object(conf, namespace="CELERY")
        assert app.backend.cache_backend is caches["second"]
        app.close()

    @pytest.mark.parametrize("alias", ["", None])
    def test_empty_alias_is_the_default(self, configured: Callable[..., Any], alias: Any) -> None:
        assert configured(cache_backend=alias).cache_backend is caches["default"]

    def test_unknown_alias_is_refused_when_the_backend_is_built(self, configured: Callable[..., Any]) -> None:
        with pytest.raises(ImproperlyConfigured) as refused:
            configured(cache_backend="no such cache")
        assert str(refused.value) == (
            "Celery's cache_backend (CELERY_CACHE_BACKEND) is 'no such cache', which Django's CACHES does not have. "
            "Set it to one of 'default', 'second', 'redis', or add the entry."
        )

    def test_name_of_the_backend_as_alias(self, configured: Callable[..., Any]) -> None:
        """A common mistake: CELERY_CACHE_BACKEND instead of CELERY_RESULT_BACKEND."""
        with pytest.raises(ImproperlyConfigured) as refused:
            configured(cache_backend="django-cache")
        message = str(refused.value)
        assert "Did you mean result_backend (CELERY_RESULT_BACKEND) = 'django-cache'?" in message
        assert "'default', 'second', 'redis'" in message

    def test_cache_of_that_very_name(self, configured: Callable[..., Any], settings: Any) -> None:
        settings.CACHES = {**settings.CACHES, "django-cache": settings.CACHES["second"]}
        assert configured(cache_backend="django-cache").cache_backend is caches["django-cache"]


class TestHowLong:
    @pytest.fixture
    def timeouts(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """Return the timeouts that the cache is given."""
        seen: list[Any] = []
        kept = caches["default"].set

        def set_(key: str, value: Any, timeout: Any = ...) -> None:
            seen.append(timeout)
            kept(key, value, timeout)

        monkeypatch.setattr(caches["default"], "set", set_)
        return seen

    @pytest.mark.parametrize(
        ("expires", "timeout"),
        [(60, 60), (90.5, 90.5), (timedelta(minutes=1), 60), (None, None), (0, None), (timedelta(0), None)],
    )
    def test_result_expires(
        self, configured: Callable[..., Any], timeouts: list[Any], task_id: str, expires: Any, timeout: Any
    ) -> None:
        backend = configured(result_expires=expires)
        backend.mark_as_done(task_id, "value")
        backend.save_group(task_id, GroupResult(task_id, [AsyncResult("one", app=backend.app)], app=backend.app))
        assert timeouts == [timeout, timeout]
        assert backend.get_result(task_id) == "value"

    def test_default_is_a_day(self, configured: Callable[..., Any], timeouts: list[Any], task_id: str) -> None:
        configured().mark_as_done(task_id, "value")
        assert timeouts == [86_400]

    def test_expired_result_is_pending(self, configured: Callable[..., Any], task_id: str) -> None:
        backend = configured(result_expires=-1)
        backend.mark_as_done(task_id, "value")
        assert backend.get_state(task_id) == "PENDING"


class TestBackend:
    def test_uri(self, configured: Callable[..., Any]) -> None:
        backend = configured()
        assert isinstance(backend, CacheBackend)
        assert backend.as_uri() == backend.as_uri(include_password=True) == "django-cache"

    @pytest.mark.parametrize("path", ["dcr_backends.cache:CacheBackend", "dcr_backends.cache.CacheBackend"])
    def test_dotted_path(self, app: Celery, path: str) -> None:
        app.conf.result_backend = path
        assert isinstance(app.backend, CacheBackend)

    def test_pickle(self, configured: Callable[..., Any], task_id: str) -> None:
        backend = configured(cache_backend="second")
        backend.mark_as_done(task_id, "value")
        again = pickle.loads(pickle.dumps(backend))
        assert type(again) is CacheBackend
        assert again.get_result(task_id) == "value"

    def test_surface_of_2x(self, configured: Callable[..., Any], task_id: str) -> None:
        backend = configured()
        value = {"as": ("it", "is")}
        backend.set(task_id.encode(), value)
        assert backend.get(task_id) == backend.get(task_id.encode()) == value
        assert backend.encode(value) is backend.decode(value) is value
        backend.delete(task_id.encode())
        assert backend.get(task_id) is None

    def test_values_keep_their_types(self, configured: Callable[..., Any], task_id: str) -> None:
        value = {"set": {1}, "bytes": b"\xff", 5: (None,)}
        backend = configured(result_serializer="json")
        backend.mark_as_done(task_id, value)
        assert backend.get_result(task_id) == value

    def test_global_key_prefix(self, configured: Callable[..., Any], task_id: str) -> None:
        backend = configured(result_backend_transport_options={"global_keyprefix": "shop"})
        backend.mark_as_done(task_id, "value")
        assert caches["default"].get(f"shop_{key(task_id)}")["result"] == "value"
