"""The result backend ``django-db``: Celery's hooks, each in a few lines, over the managers of dcr_models."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from celery import maybe_signature, signals, states
from celery._state import get_current_task
from celery.result import GroupResult as CeleryGroupResult
from celery.result import result_from_tuple
from celery.utils.log import get_logger
from django.db import InterfaceError
from django.utils import timezone
from kombu.exceptions import DecodeError, EncodeError

from dcr_models import codec
from dcr_models.models import AbstractChordCounter, ChordCounter, GroupResult, TaskResult

from . import errors, record
from .chord import leaf_ids, trigger_callback
from .retry import RetryingBackend
from .startup import report_missing_tables

try:
    from psycopg2 import InterfaceError as _Psycopg2InterfaceError  # type: ignore[import-untyped] # optional driver
except ImportError:
    EXCEPTIONS_TO_CATCH: tuple[type[Exception], ...] = (InterfaceError,)
else:
    EXCEPTIONS_TO_CATCH = (InterfaceError, _Psycopg2InterfaceError)

__all__ = ["EXCEPTIONS_TO_CATCH", "DatabaseBackend", "trigger_callback"]

logger = get_logger(__name__)


class DatabaseBackend(RetryingBackend):
    """Store task state and results in the tables of dcr_models.

    To keep results in a model of your own, derive it from ``AbstractTaskResult`` or
    ``AbstractGroupResult``, name it in ``TaskModel`` or ``GroupModel`` of a subclass, and set Celery's
    ``result_backend`` to the dotted path of that subclass.
    """

    TaskModel: Any = TaskResult
    GroupModel: Any = GroupResult

    #: Seconds that ``ResultSet.iterate`` sleeps between two members.
    subpolling_interval = 0.5

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: (task id, state) of the result that this thread stored last.
        self._last = threading.local()
        signals.worker_ready.connect(report_missing_tables, dispatch_uid="dcr_backends.report_missing_tables")

    def as_uri(self, include_password: bool = False) -> str:
        """Return the backend's name, which is what a worker shows when it starts."""
        return super().as_uri(include_password) or "django-db"

    # Values

    def encode_content(self, data: Any) -> tuple[str, str, str]:
        """Return (content type, content encoding, text) of a value; bytes become base64."""
        return codec.to_text(*self._encode(data))

    def decode_content(self, obj: Any, content: str | None) -> Any:
        """Return the value of a text that was stored in the row ``obj``, None where it is empty.

        The row's own content type counts where it is accepted, so that results stay readable after
        ``result_serializer`` was changed. Raises kombu's ContentDisallowed and DecodeError.
        """
        if not content:
            return None
        if obj.content_type == self.content_type or not codec.is_known(obj.content_type):
            payload: Any = codec.to_payload(obj.content_encoding, content)
            return self.decode(payload)
        return codec.decode(codec.Encoded(obj.content_type, obj.content_encoding, content), self.accept)

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
        content_type, content_encoding, text = self.encode_content(result)
        columns: dict[str, Any] = {
            "content_type": content_type,
            "content_encoding": content_encoding,
            "task_id": task_id,
            "result": text,
            "status": status,
            "traceback": None if traceback is None else str(traceback),
            "meta": self._encode_meta(request, status),
            "using": using,
            **self._get_extended_properties(request, traceback),
        }
        if status == states.STARTED:
            columns["date_started"] = timezone.now()
        self._asked.using = using
        with self._explained(self.TaskModel, using):
            self.TaskModel._default_manager.store_result(**columns)
        self._last.stored = (task_id, status)
        return text

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

    def _encode_meta(self, request: Any, status: str) -> str:
        children = {"children": self.current_task_children(request)}
        try:
            return self._encode_text({**self._get_meta_from_request(request), **children})
        except EncodeError:
            # Celery makes a FAILURE of a result that cannot be encoded; that one has to be stored.
            if status not in states.EXCEPTION_STATES:
                raise
            logger.warning("request.meta of a failed task cannot be encoded and is left out", exc_info=True)
            return self._encode_text(children)

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        """Return Celery's meta of one task; of a PENDING one where nothing is stored."""
        self._asked.using = None
        with self._explained(self.TaskModel):
            row = self.TaskModel._default_manager.get_task(task_id)
        columns = row.as_dict()
        stored_meta = self._decode(row, columns.pop("meta"), f"meta of task {task_id}")
        arguments = {name: self._decode_arguments(row, columns[name]) for name in record.ARGUMENTS}
        meta = {
            # First, so that nothing a task wrote into request.meta takes the place of a column.
            **(stored_meta if isinstance(stored_meta, Mapping) else {}),
            **columns,
            **arguments,
            "result": self._decode(row, columns["result"], f"result of task {task_id}"),
            # Celery's own names, beside the columns' names that 2.x gave.
            "args": arguments["task_args"],
            "kwargs": arguments["task_kwargs"],
            "name": columns["task_name"],
        }
        if meta["status"] not in self.READY_STATES:
            meta["date_done"] = None
        decoded: dict[str, Any] = self.meta_from_decoded(meta)
        return decoded

    def _decode(self, row: Any, content: str | None, what: str) -> Any:
        try:
            return self.decode_content(row, content)
        except DecodeError as exc:
            raise type(exc)(errors.undecodable(what, exc)) from exc

    def _decode_arguments(self, row: Any, content: str | None) -> Any:
        """Return decoded arguments, or their text where it does not decode: people edit it in the admin."""
        try:
            return self.decode_content(row, content)
        except DecodeError:
            return content

    def _forget(self, task_id: str) -> None:
        self._asked.using = None
        with self._explained(self.TaskModel):
            self.TaskModel._default_manager.forget(task_id)

    def cleanup(self) -> None:
        """Delete results that are older than ``result_expires``; None and 0 keep everything."""
        if not self.expires:
            return
        for model in (self.TaskModel, self.GroupModel):
            with self._explained(model):
                model._default_manager.delete_expired(self.expires)

    # Groups

    def _save_group(self, group_id: str, group_result: CeleryGroupResult) -> CeleryGroupResult:
        content_type, content_encoding, text = self.encode_content(group_result.as_tuple())
        self._asked.using = None
        with self._explained(self.GroupModel):
            self.GroupModel._default_manager.store_group_result(content_type, content_encoding, group_id, text)
        return group_result

    def _restore_group(self, group_id: str) -> dict[str, Any] | None:
        """Return the meta of a saved group, None where there is none: Celery would remember anything else."""
        self._asked.using = None
        with self._explained(self.GroupModel):
            row = self.GroupModel._default_manager.get_group(group_id)
        members = self._decode(row, row.result, f"group {group_id}")
        if not members:
            return None
        return {**row.as_dict(), "result": result_from_tuple(members, app=self.app)}

    def _delete_group(self, group_id: str) -> None:
        self._asked.using = None
        with self._explained(self.GroupModel):
            self.GroupModel._default_manager.forget(group_id)

    # Chords

    def apply_chord(self, header_result_args: Any, body: Any, **kwargs: Any) -> None:
        """Start the counter of a chord, before its header is sent.

        ``header_result_args``: the header as a GroupResult, or as Celery's (group id, results).
        """
        if isinstance(header_result_args, CeleryGroupResult):
            group_id, results = header_result_args.id, header_result_args.results
        else:
            group_id, results = header_result_args
        results = list(results or ())  # may be lazy, and can then be read only once
        self._asked.using = None
        self._retrying(self._start_chord, group_id, results)

    def _start_chord(self, group_id: str, results: list[Any]) -> None:
        with self._explained(ChordCounter):
            ChordCounter.objects.start(
                group_id=group_id,
                sub_tasks=json.dumps([result.as_tuple() for result in results]),
                count=len(leaf_ids(results)),
            )

    def on_chord_part_return(self, request: Any, state: str, result: Any, **kwargs: Any) -> None:
        """Count a part of a chord; the last one sends the body."""
        if not request.id or not request.group:
            return
        if getattr(self._last, "stored", None) != (request.id, state):
            # Celery stores nothing for a part whose result is ignored; the join needs its row.
            self.store_result(request.id, result, state, request=request)
        self._asked.using = None
        counter = self._retrying(self._claim_chord, request.group)
        if counter is not None:
            callback: Any = maybe_signature(request.chord, app=self.app)
            trigger_callback(app=self.app, callback=callback, group_result=counter.group_result(app=self.app))

    def _claim_chord(self, group_id: str) -> AbstractChordCounter | None:
        """Count one part; return the counter where this part made the header complete."""
        with self._explained(ChordCounter):
            left = ChordCounter.objects.count_part(group_id)
            if left is None:
                logger.warning("Chord %s has no counter: its body was sent, or the row was deleted", group_id)
            if left != 0:
                return None
            return ChordCounter.objects.claim_finished(group_id, task_model=self.TaskModel)

    # Databases

    def _aliases(self) -> set[str]:
        using = getattr(self._asked, "using", None)
        if using:
            return {using}
        return {model._default_manager.write_alias() for model in (self.TaskModel, self.GroupModel, ChordCounter)}

    def _explained(self, model: Any, using: str | None = None) -> Any:
        return errors.explained(model._meta.db_table, model._default_manager.write_alias(using))
