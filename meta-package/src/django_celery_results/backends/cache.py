"""The backend django-cache, from dcr_backends."""

import sys

import dcr_backends.cache as _real
from dcr_backends.cache import CacheBackend as CacheBackend

__all__ = ["CacheBackend"]

sys.modules[__name__] = _real
