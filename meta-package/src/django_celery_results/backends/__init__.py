"""The result backends, from dcr_backends."""

from dcr_backends.cache import CacheBackend as CacheBackend
from dcr_backends.database import DatabaseBackend as DatabaseBackend

__all__ = ["CacheBackend", "DatabaseBackend"]
