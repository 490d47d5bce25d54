"""Time as the tables keep it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import timezone

#: Convert an aware time to the current time zone, and leave anything else alone; the name is of the 2.x surface.
now_localtime = timezone.template_localtime  # type: ignore[attr-defined] # not in the stubs


def now() -> datetime:
    """Return the current time: aware in the current time zone, or naive where ``USE_TZ`` is off."""
    moment = timezone.now()
    return timezone.localtime(moment) if settings.USE_TZ else moment
