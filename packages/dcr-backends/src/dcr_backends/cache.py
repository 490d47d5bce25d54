"""The result backend ``django-cache``: Celery's key-value protocol over Django's caches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.backends.base import KeyValueStoreBackend
from django.core.cache import BaseCache, caches
from django.core.exceptions import ImproperlyConfigured
from kombu.utils.encoding import bytes_to_str

from dcr_models import checks

if TYPE_CHECKING:
    from celery import Celery


class CacheBackend(KeyValueStoreBackend):
    """Store task state and results in the cache that Celery's ``cache_backend`` names.

    The cache serializes values itself, so Celery hands over dicts and exceptions as they are. Entries
    live for ``result_expires`` seconds; None and 0 keep them as long as the cache does.
    """

    if TYPE_CHECKING:  # what Celery's base class sets and celery-types does not know
        app: Celery
        expires: float | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if problem := checks.cache_problem(self.app.conf.cache_backend):
            raise ImproperlyConfigured(problem)
        # Of Celery's serializers the one that leaves exceptions alone; nothing is encoded with it.
        self.serializer = "pickle"

    def as_uri(self, include_password: bool = False) -> str:
        """Return the backend's name, which is what a worker shows when it starts."""
        return super().as_uri(include_password) or "django-cache"

    @property
    def cache_backend(self) -> BaseCache:
        """Return the Django cache that results are kept in."""
        return caches[self.app.conf.cache_backend or "default"]

    def get(self, key: str | bytes) -> Any:
        """Return the value of ``key``, None where there is none."""
        return self.cache_backend.get(bytes_to_str(key))

    def set(self, key: str | bytes, value: Any) -> None:
        """Keep ``value`` for ``result_expires`` seconds."""
        # To Django a timeout of 0 means "do not keep", to Celery "do not expire".
        self.cache_backend.set(bytes_to_str(key), value, self.expires or None)

    def delete(self, key: str | bytes) -> None:
        """Drop ``key``."""
        self.cache_backend.delete(bytes_to_str(key))

    def encode(self, data: Any) -> Any:
        """Return ``data`` as it is."""
        return data

    def decode(self, data: Any) -> Any:
        """Return ``data`` as it is."""
        return data
