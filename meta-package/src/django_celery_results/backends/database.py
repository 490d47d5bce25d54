"""The backend django-db, from dcr_backends."""

import sys

import dcr_backends.database as _real
from dcr_backends.database import EXCEPTIONS_TO_CATCH as EXCEPTIONS_TO_CATCH
from dcr_backends.database import DatabaseBackend as DatabaseBackend
from dcr_backends.database import trigger_callback as trigger_callback

__all__ = ["EXCEPTIONS_TO_CATCH", "DatabaseBackend", "trigger_callback"]

sys.modules[__name__] = _real
