"""The result backend ``django-db``: Celery's hooks, each in a few lines, over the managers of dcr_models."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from celery import signals, states
from celery._state import get_current_task
from celery.result import GroupResult as CeleryGroupResult
from celery.result import result_from_tuple
from celery.utils.log import get_logger
from django.db import InterfaceError
from django.utils import timezone
from kombu.exceptions import EncodeError

from dcr_models import codec, conf
from dcr_models.models import ChordCounter, GroupResult, TaskResult

from . import meta, record
from .callback import trigger_callback
from .chord import KEPT_FOR_CHORD, ChordBackend
from .groups import StoredGroupResult
from .reading import compress_payload
from .startup import prepare_worker
from .sweep import Sweep, shortened, sweep

try:
    from psycopg2 import InterfaceError as _Psycopg2InterfaceError  # type: ignore[import-untyped] # optional driver
except ImportError:
    EXCEPTIONS_TO_CATCH: tuple[type[Exception], ...] = (InterfaceError,)
else:
    EXCEPTIONS_TO_CATCH = (InterfaceError, _Psycopg2InterfaceError)

__all__ = ["EXCEPTIONS_TO_CATCH", "DatabaseBackend", "trigger_callback"]

logger = get_logger(__name__)


class DatabaseBackend(ChordBackend):
    """Store task state and results in the tables of dcr_models.

    To keep results in a model of your own, derive it from ``AbstractTaskResult`` or
    ``AbstractGroupResult``, name it in ``TaskModel`` or ``GroupModel`` of a subclass, and set Celery's
    ``result_backend`` to the dotted path of that subclass.
    """

    TaskModel = TaskResult
    GroupModel = GroupResult

    #: Rows hold compressed results as base64 (Celery 5.7).
    supports_result_compression = True

    #: Cleanup applies ``result_failure_expires`` (Celery 5.7).
    supports_failure_expires = True

    #: Seconds that ``ResultSet.iterate`` sleeps between two members.
    subpolling_interval = 0.5

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: (task id, state) of the result that this thread stored last.
        self._last = threading.local()
        signals.worker_ready.connect(prepare_worker, dispatch_uid="dcr_backends.prepare_worker")

    def as_uri(self, include_password: bool = False) -> str:
        """Return the backend's name, which is what a worker shows when it starts."""
        return super().as_uri(include_password) or "django-db"

    # Values

    def encode_content(self, data: Any) -> tuple[str, str, str]:
        """Return (content type, content encoding, text) of a value; bytes become base64.

        With ``result_compression`` (Celery 5.7) the text is compressed, as base64.
        """
        content_type, content_encoding, payload = self._encode(data)
        if compression := getattr(self, "compression", None):
            content_encoding, payload = codec.BINARY, compress_payload(payload, compression)
        return codec.to_text(content_type, content_encoding, payload)

    # Tasks

    def _store_result(
        self,
        task_id: str,
        result: Any,
        status: str,
        traceback: Any = None,
        request: Any = None,
        using: str | None = None,
    ) -> Any:
        """Store the encoded result and what the request tells; ``using`` overrides the routers."""
        columns = self._columns(task_id, result, status, traceback, request)
        self._write(columns, using)
        self._last.stored = (task_id, status)
        return columns["result"]

    def store_chord_part(self, request: Any, state: str, result: Any) -> None:
        """Store the result of a part for the time that its chord counts."""
        columns = self._columns(request.id, self.encode_result(result, state), state, None, request)
        columns["meta"] = self._encode_meta(request, state, {KEPT_FOR_CHORD: request.group})
        self._retrying(self._write, columns, None)

    def _columns(self, task_id: str, result: Any, status: str, traceback: Any, request: Any) -> dict[str, Any]:
        """Return the columns of a result, encoded; None in those that are not known."""
        content_type, content_encoding, text = self.encode_content(result)
        columns: dict[str, Any] = {
            "content_type": content_type,
            "content_encoding": content_encoding,
            "task_id": task_id,
            "result": text,
            "status": status,
            "traceback": None if traceback is None else str(traceback),
            "meta": self._encode_meta(request, status),
            **self._get_extended_properties(request, traceback),
        }
        if status == states.STARTED:
            columns["date_started"] = timezone.now()
        return columns

    def _write(self, columns: dict[str, Any], using: str | None) -> None:
        with self._explained(self.TaskModel, using):
            self.TaskModel._default_manager.store_result(**columns, using=using)

    def _get_extended_properties(self, request: Any, traceback: Any) -> dict[str, Any]:
        """Return the columns that describe the task; a hook of 2.x that subclasses override."""
        if not request or not self.app.conf.result_extended:
            return dict.fromkeys(record.COLUMNS)
        return record.columns(request, self._encode_text)

    def _get_meta_from_request(self, request: Any = None) -> dict[str, Any]:
        """Return what the task put into ``request.meta``; a hook of 2.x that subclasses override."""
        return record.meta(request or getattr(get_current_task(), "request", None))

    def _encode_text(self, value: Any) -> str:
        return self.encode_content(value)[2]

    def _encode_meta(self, request: Any, status: str, own: Mapping[str, Any] = MappingProxyType({})) -> str:
        children = {"children": self.current_task_children(request), **own}
        try:
            return self._encode_text({**self._get_meta_from_request(request), **children})
        except EncodeError:
            # Celery makes a FAILURE of a result that cannot be encoded; that one has to be stored.
            if status not in states.EXCEPTION_STATES:
                raise
            logger.warning("request.meta of a failed task cannot be encoded and is left out", exc_info=True)
            return self._encode_text(children)

    def _forget(self, task_id: str) -> None:
        with self._explained(self.TaskModel):
            self.TaskModel._default_manager.forget(task_id)

    def cleanup(self) -> None:
        """Delete what has expired, and look after chords; Celery's beat runs it once a day.

        Results that are final go after ``result_expires``, FAILURE after ``result_failure_expires`` where that
        is set, others after ``DJANGO_CELERY_RESULTS["UNREADY_EXPIRES"]`` if that is longer. None and 0 keep
        everything. Rows that a chord still waits for stay.
        """
        if stuck := self.repair_chords().stuck:
            logger.warning("Chords without a stored body, which only their last part can send: %s", shortened(stuck))
        ready = limit(self.expires)
        failure_expires = self.app.conf.get("result_failure_expires")
        failed = ready if failure_expires is None else limit(self.prepare_expires(failure_expires))
        unready = limit(conf.get("UNREADY_EXPIRES"))
        if ready is None and failed is None:
            return
        with self._explained(self.TaskModel):
            self.TaskModel._default_manager.clean_up(
                ready=ready,
                failed=failed,
                unready=max(ready, unready) if ready and unready else None,
                kept_ids=ChordCounter.objects.waiting_for(),
            )
        if ready is not None:
            with self._explained(self.GroupModel):
                self.GroupModel._default_manager.delete_expired(ready)

    # Groups

    def _save_group(self, group_id: str, group_result: CeleryGroupResult) -> CeleryGroupResult:
        content_type, content_encoding, text = self.encode_content(group_result.as_tuple())
        with self._explained(self.GroupModel):
            self.GroupModel._default_manager.store_group_result(content_type, content_encoding, group_id, text)
        return group_result

    def _restore_group(self, group_id: str) -> dict[str, Any] | None:
        """Return the meta of a saved group, None where there is none: Celery would remember anything else."""
        with self._explained(self.GroupModel):
            row = self.GroupModel._default_manager.get_group(group_id)
        members = meta.decoded(row, row.result, f"group {group_id}", self.decode_content)
        if not members:
            return None
        group: Any = result_from_tuple(members, app=self.app)
        return {**row.as_dict(), "result": StoredGroupResult.over(group, self)}

    def _delete_group(self, group_id: str) -> None:
        with self._explained(self.GroupModel):
            self.GroupModel._default_manager.forget(group_id)

    # Chords

    def has_just_stored(self, task_id: str, state: str) -> bool:
        """Return whether the last result that this thread stored is that one."""
        return bool(getattr(self._last, "stored", None) == (task_id, state))

    def chord_expires(self) -> timedelta | None:
        """Return the age at which a chord is given up whose tasks have no rows; None: never."""
        return limit(self.prepare_expires(self.app.conf.get("result_chord_expires")))

    def repair_chords(self) -> Sweep:
        """Finish the chords that nobody finished; return what was found."""
        return sweep(self)


def limit(seconds: float | None) -> timedelta | None:
    """Return an age; None, where there is no limit, for None and 0."""
    return timedelta(seconds=seconds) if seconds else None
