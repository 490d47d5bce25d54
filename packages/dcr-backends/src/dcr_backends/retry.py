"""When a database operation is tried again, and how long it waits: Celery's policy, on by default.

Celery itself retries storing and reading results; versions before 5.7 leave the other operations out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, MutableMapping
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from celery.backends.base import BaseBackend
from celery.utils.log import get_logger
from celery.utils.time import get_exponential_backoff_interval
from django.db import Error, connections

from dcr_models.models import ChordCounter

from . import errors

if TYPE_CHECKING:
    from celery import Celery

logger = get_logger(__name__)

R = TypeVar("R")

#: How often an operation is tried again where the project does not say.
MAX_RETRIES = 3

CELERY_RETRIES_EVERYTHING = hasattr(BaseBackend, "_ensure_retryable")


class RetryingBackend(BaseBackend):
    """A backend whose operations survive a lost connection, a deadlock or a busy file."""

    #: Where results are kept; subclasses name models of the project's own.
    TaskModel: Any
    GroupModel: Any

    if TYPE_CHECKING:  # what Celery's base class sets and celery-types does not know
        app: Celery
        expires: float | None
        accept: Collection[str]
        content_type: str
        base_sleep_between_retries_ms: int
        max_sleep_between_retries_ms: int
        _encode: Callable[[Any], tuple[str, str, str | bytes]]
        _sleep: Callable[[float], None]
        _cache: MutableMapping[str, dict[str, Any]]
        _ensure_not_eager: Callable[[], None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self._is_set("result_backend_always_retry"):
            self.always_retry = True
        if not self._is_set("result_backend_max_retries"):
            self.max_retries = MAX_RETRIES
        #: Alias that the caller of the operation under way asked for, in this thread.
        self._asked = threading.local()

    def exception_safe_to_retry(self, exc: BaseException) -> bool:
        """Return whether the failed operation may run again; close the connection where it is lost.

        Inside the caller's atomic block nothing is retried or closed: its earlier statements are gone, and
        only the caller can run them again.
        """
        lost = errors.is_lost_connection(exc)
        if not lost and not errors.is_conflict(exc):
            return False
        routed = [connections[alias] for alias in self._aliases()]
        if any(connection.in_atomic_block for connection in routed):
            return False
        if lost:
            for connection in routed:
                with suppress(Error):  # mysqlclient refuses to close what is closed already
                    connection.close_if_unusable_or_obsolete()
        return True

    def _aliases(self) -> set[str]:
        """Return the aliases that the operation under way may have used."""
        using = getattr(self._asked, "using", None)
        if using:
            return {using}
        managers: list[Any] = [self.TaskModel._default_manager, self.GroupModel._default_manager, ChordCounter.objects]
        return {manager.write_alias() for manager in managers}

    def _explained(self, model: Any, using: str | None = None) -> AbstractContextManager[None]:
        """Return a context in which a missing table becomes a message that says what to run."""
        self._asked.using = using
        return errors.explained(model._meta.db_table, model._default_manager.write_alias(using))

    def _is_set(self, key: str) -> bool:
        """Return whether the project set ``key``, under any of the names that Celery reads it from.

        Celery 5.5's ``value_set_for`` does not see keys with a namespace. The last map holds the defaults.
        """
        conf: Any = self.app.conf
        conf.get(key)  # configuration is loaded on first use
        # Plain or with the namespace; and as Celery 3 had it.
        names = [*conf._to_keys(key), *(rename(key) for rename in conf._keys or ())]
        return any(mapping.get(name) is not None for mapping in (conf.maps or ())[:-1] for name in names)

    def _retrying(self, function: Callable[..., R], *args: Any) -> R:
        """Call ``function`` under Celery's retry policy, for what Celery itself does not retry."""
        retries = 0
        while True:
            try:
                return function(*args)
            except Exception as exc:
                if not self.always_retry or not self.exception_safe_to_retry(exc) or retries >= self.max_retries:
                    raise
                retries += 1
                logger.warning("Trying %s again (%d of %s): %r", function.__name__, retries, self.max_retries, exc)
                milliseconds = get_exponential_backoff_interval(
                    self.base_sleep_between_retries_ms, retries, self.max_sleep_between_retries_ms, full_jitter=True
                )
                self._sleep(milliseconds / 1000)

    if not CELERY_RETRIES_EVERYTHING:

        def forget(self, task_id: str) -> None:
            """Delete the result of a task."""
            self._retrying(super().forget, task_id)

        def get_group_meta(self, group_id: str, cache: bool = True) -> Any:
            """Return the meta of a saved group, None where there is none."""
            return self._retrying(super().get_group_meta, group_id, cache)

        def save_group(self, group_id: str, result: Any) -> Any:
            """Save the members of a group."""
            return self._retrying(super().save_group, group_id, result)

        def delete_group(self, group_id: str) -> None:
            """Delete a saved group."""
            self._retrying(super().delete_group, group_id)
