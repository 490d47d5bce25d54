"""What a worker says when it starts and its database is not ready."""

from __future__ import annotations

from typing import Any

from celery.utils.log import get_logger
from django.db import connections

from dcr_models import checks

from .retry import RetryingBackend

logger = get_logger(__name__)


def report_missing_tables(sender: Any, **kwargs: Any) -> None:
    """Log one line when a worker is ready and the tables of its backend are not there."""
    backend = sender.app.backend
    if not isinstance(backend, RetryingBackend):
        return
    for alias in sorted(backend._aliases()):
        connection = connections[alias]
        was_open = connection.connection is not None
        try:
            missing = checks.missing_tables(alias)
        except Exception as exc:  # noqa: BLE001 - a worker starts without its database, too
            logger.critical("The database %r of the result backend 'django-db' does not answer: %s", alias, exc)
            continue
        if missing:
            logger.critical(checks.missing_tables_problem(missing, alias))
        if not was_open:
            connection.close()
