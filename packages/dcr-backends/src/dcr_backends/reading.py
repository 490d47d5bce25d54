"""Results from the tables: one, many, or as soon as they are there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from typing import Any

from celery import states
from celery.backends import base
from celery.result import AsyncResult, GroupResult, ResultSet

from dcr_models import codec

from . import meta
from .groups import is_read, leaves
from .retry import RetryingBackend
from .waiting import naps

Meta = dict[str, Any]

# Celery 5.7 marks what it compressed; before that nothing was.
compress_payload: Any = getattr(base, "compress_payload", None)
decompress_payload: Any = getattr(base, "decompress_payload", lambda payload: payload)


class ReadingBackend(RetryingBackend):
    """The reading half of ``django-db``: a group of any size costs a bounded number of statements."""

    #: Celery then joins groups and chords through ``iter_native``.
    supports_native_join = True

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
        encoded = codec.Encoded(obj.content_type, obj.content_encoding, content)
        return codec.decode(encoded, self.accept, decompress_payload)

    def task_result_exists(self, task_id: str) -> bool:
        """Return whether anything is stored of the task, a PENDING row included (Celery 5.7)."""
        return bool(self._retrying(self._read_rows, [str(task_id)]))

    def get_task_metas(self, task_ids: Iterable[str]) -> dict[str, Meta]:
        """Return Celery's meta of each of ``task_ids`` that has a row, by id, finished or not.

        One statement for thousands of ids. Raises kombu's DecodeError and ContentDisallowed for a row that
        cannot be decoded.
        """
        ids = [str(task_id) for task_id in task_ids]
        rows = self._retrying(self._read_rows, ids)
        return {task_id: self._meta(rows[task_id]) for task_id in ids if task_id in rows}

    def get_many(
        self,
        task_ids: Iterable[str],
        timeout: float | None = None,
        interval: float | None = 0.5,
        no_ack: bool = True,
        on_message: Callable[[Meta], None] | None = None,
        on_interval: Callable[[], None] | None = None,
        max_iterations: int | None = None,
        READY_STATES: Collection[str] | None = None,  # noqa: N803 - Celery's name
    ) -> Iterator[tuple[str, Meta]]:
        """Yield ``(task id, meta)`` of each task as soon as it is ready; among those found together in the order given.

        ``timeout``: seconds for all of them, then celery.exceptions.TimeoutError. ``interval``: longest pause
        between two reads, in seconds. ``on_message`` is called with each meta, ``on_interval`` before each
        pause. ``max_iterations``: give up quietly after so many reads. ``READY_STATES``: what counts as ready;
        Celery's own. ``no_ack`` is for brokers.
        """
        self._ensure_not_eager()
        ready_states = states.READY_STATES if READY_STATES is None else READY_STATES
        waiting = dict.fromkeys(task_ids)
        pauses = naps(interval=interval, timeout=timeout)
        reads = 0
        while waiting:
            cached = {task_id: self._cache[task_id] for task_id in waiting if task_id in self._cache}
            found = {task_id: task_meta for task_id, task_meta in cached.items() if task_meta["status"] in ready_states}
            found.update(self.get_task_metas(task_id for task_id in waiting if task_id not in found))
            for task_id in list(waiting):
                task_meta = found.get(task_id)
                if task_meta is None or task_meta["status"] not in ready_states:
                    continue
                del waiting[task_id]
                self._cache[task_id] = task_meta
                if on_message is not None:
                    on_message(task_meta)
                yield task_id, task_meta
            reads += 1
            if not waiting or reads == max_iterations:
                return
            if on_interval is not None:
                on_interval()
            next(pauses)

    def iter_native(  # type: ignore[override] # the stubs say that it returns None
        self,
        result: ResultSet,
        timeout: float | None = None,
        interval: float | None = 0.5,
        no_ack: bool = True,
        on_message: Callable[[Meta], None] | None = None,
        on_interval: Callable[[], None] | None = None,
    ) -> Iterator[tuple[str, Any]]:
        """Yield ``(id, meta)`` of each task of a group, and ``(id, results)`` of each nested group once it is complete.

        Tasks of nested groups are read together with the others, and their results keep what was read.
        """
        members: list[Any] = result.results or []
        by_id = _by_id(leaves(members))
        direct = {member.id for member in members if not isinstance(member, ResultSet)}
        groups: list[Any] = [member for member in members if isinstance(member, GroupResult)]
        read = {task_id: same[0]._cache for task_id, same in by_id.items() if same[0]._cache is not None}
        unread = self.get_many(
            [task_id for task_id in by_id if task_id not in read],
            timeout=timeout,
            interval=interval,
            on_message=on_message,
            on_interval=on_interval,
        )
        for task_id, task_meta in chain(read.items(), unread):
            for leaf in by_id[task_id]:
                if leaf._cache is None:
                    leaf._maybe_set_cache(task_meta)
            if task_id in direct:
                yield task_id, task_meta
            for group in [group for group in groups if is_read(group)]:
                groups.remove(group)
                yield group.id, group.results
        for group in groups:  # those without members
            yield group.id, group.results

    def wait_for(
        self,
        task_id: str,
        timeout: float | None = None,
        interval: float | None = 0.5,
        no_ack: bool = True,
        on_interval: Callable[[], None] | None = None,
    ) -> Meta:
        """Return the meta of a task when it is ready; arguments as in ``get_many``."""
        self._ensure_not_eager()
        pauses = naps(interval=interval, timeout=timeout)
        while True:
            task_meta: Meta = self.get_task_meta(task_id)
            if task_meta["status"] in states.READY_STATES:
                return task_meta
            if on_interval is not None:
                on_interval()
            next(pauses)

    def fetch(self, results: Iterable[AsyncResult[Any]]) -> None:
        """Give each of ``results`` whose task is ready what is stored of it; one read for all."""
        by_id = _by_id(results)
        for task_id, task_meta in self.get_task_metas(by_id).items():
            for result in by_id[task_id]:
                result._maybe_set_cache(task_meta)

    def _get_task_meta_for(self, task_id: str) -> Meta:
        """Return Celery's meta of one task; of a PENDING one where nothing is stored."""
        row = self._read_rows([task_id]).get(str(task_id))
        return self._meta(self.TaskModel(task_id=task_id) if row is None else row)

    def _read_rows(self, task_ids: list[str]) -> dict[str, Any]:
        with self._explained(self.TaskModel):
            rows: dict[str, Any] = self.TaskModel._default_manager.get_tasks(task_ids)
        return rows

    def _meta(self, row: Any) -> Meta:
        decoded: Meta = self.meta_from_decoded(meta.from_row(row, self.decode_content))
        return decoded


def _by_id(results: Iterable[Any]) -> dict[str, list[Any]]:
    """Return the results by their task's id; one task can be in a group twice."""
    by_id: dict[str, list[Any]] = {}
    for result in results:
        by_id.setdefault(result.id, []).append(result)
    return by_id
