"""The URLs, from dcr_http."""

import sys

import dcr_http.urls as _real
from dcr_http.urls import TaskPatternConverter as TaskPatternConverter
from dcr_http.urls import urlpatterns as urlpatterns

__all__ = ["TaskPatternConverter", "urlpatterns"]

sys.modules[__name__] = _real
