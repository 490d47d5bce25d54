"""A part of a chord arrived: the last one joins the header and sends the body, or says who failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

from celery import maybe_signature, states
from celery.canvas import Signature
from celery.exceptions import ChordError
from celery.result import GroupResult, result_from_tuple
from celery.utils.log import get_logger
from django.db import connections, transaction
from kombu.exceptions import EncodeError
from kombu.serialization import dumps, prepare_accept_content

from dcr_models import codec
from dcr_models.models import ChordCounter
from dcr_models.queries.chords import Claim

from .callback import trigger_callback
from .groups import leaves
from .reading import ReadingBackend

logger = get_logger(__name__)

#: Key in a row's meta: the row goes when its chord is finished.
KEPT_FOR_CHORD = "kept_for_chord"

#: Seconds that a process has at least to send a body before another may try.
SHORTEST_LEASE = 60


class ChordBackend(ReadingBackend):
    """The chords of ``django-db``: counters in a table, the rows of the header's tasks as the truth."""

    def apply_chord(self, header_result_args: Any, body: Any, **kwargs: Any) -> None:
        """Start the counter of a chord, before its header is sent.

        ``header_result_args``: the header as a GroupResult, or as Celery's (group id, results).
        """
        group_id: str
        results: Any
        if isinstance(header_result_args, GroupResult):
            group_id, results = str(header_result_args.id), header_result_args.results
        else:
            group_id, results = header_result_args
        results = list(results or ())  # may be lazy, and can then be read only once
        self._asked.using = None
        self._retrying(self._start_chord, group_id, results, body)
        using = ChordCounter.objects.write_alias()
        if connections[using].in_atomic_block:
            # Parts can return before the counter is visible to them. A rollback leaves no chord.
            transaction.on_commit(lambda: self._finish_quietly(group_id), using=using, robust=True)

    def add_to_chord(self, chord_id: str, result: Any) -> None:
        """Let the header of a chord grow by ``result``, which a task of the header is about to send."""
        with self._explained(ChordCounter):
            grown = self._retrying(ChordCounter.objects.grow, chord_id, result.as_tuple())
        if not grown:
            raise ChordError(f"The header of chord {chord_id} is closed: {result.id} would not be waited for")

    def on_chord_part_return(self, request: Any, state: str, result: Any, **kwargs: Any) -> None:
        """Count a part of a chord; the last one sends the body.

        Never raises what a database raises: Celery would take it for the failure of a task whose result is
        stored. Where retries are used up, the sweep finishes the chord.
        """
        group_id = request.group
        if not request.id or not group_id:
            return
        try:
            if not self.has_just_stored(request.id, state):
                # Celery stores nothing for a part whose result is ignored; the recount and the join need its row.
                self.store_chord_part(request, state, result)
            left = self._retrying(self._count_part, group_id)
        except EncodeError:
            raise  # by store_chord_part: Celery makes a FAILURE of it, and that is what the part then returns
        except Exception:
            logger.exception("A part of chord %s could not be counted; a worker's sweep will finish it", group_id)
            return
        if left == 0:
            self._finish_quietly(group_id, request.chord)

    def has_just_stored(self, task_id: str, state: str) -> bool:
        """Return whether the last result that this thread stored is that one."""
        raise NotImplementedError

    def store_chord_part(self, request: Any, state: str, result: Any) -> None:
        """Store the result of a part for the time that its chord counts."""
        raise NotImplementedError

    def finish_chord(self, group_id: str, callback: Signature[Any] | None = None) -> bool:
        """Send the body of a chord whose parts have all returned; return whether this call did.

        Where some parts have not returned, the counter is set to their number. ``callback``: the body,
        where the caller has it; else the one that was stored with the counter.
        """
        # An immutable body takes no results.
        values = callback is None or not callback.immutable
        claim = self._retrying(self._claim_chord, group_id, uuid4().hex, values)
        if claim is None:
            return False
        callback = callback or self.stored_body(claim)
        if callback is None:
            ChordCounter.objects.release(group_id, claim.token)
            return False
        return self.send_body(claim, lambda: trigger_callback(self.app, callback, self._header(claim, values)))

    def send_body(self, claim: Claim, send: Callable[[], None]) -> bool:
        """Call ``send`` if the claim is still held, then delete the counter; return whether it was called.

        In this order: deleted first, the chord would be lost in a crash.
        """
        if not self._retrying(ChordCounter.objects.renew, claim.group_id, claim.token):
            logger.warning("Chord %s was taken over by another process, which sends its body", claim.group_id)
            return False
        try:
            send()
        except BaseException:
            ChordCounter.objects.release(claim.group_id, claim.token)
            raise
        finished = self._retrying(ChordCounter.objects.finish, claim.group_id, claim.pk)
        kept_for_chord = [task_id for task_id, row in claim.tasks.items() if self._is_kept_for_chord(row)]
        if finished and kept_for_chord:  # in this order: without them a counter would say that parts are missing
            self._retrying(self.TaskModel._default_manager.forget, *kept_for_chord)
        return True

    def stored_body(self, claim: Claim) -> Signature[Any] | None:
        """Return the body that was stored with the counter; None where 2.6 made it, or it cannot be decoded."""
        if claim.body is None:
            return None
        content_type, content_encoding, text = claim.body
        try:
            accept: Any = prepare_accept_content(self.app.conf.accept_content)
            body: Any = codec.decode(codec.Encoded(content_type, content_encoding, text), accept)
            return cast("Signature[Any] | None", maybe_signature(body, app=self.app))
        except Exception:
            logger.exception("The stored body of chord %s cannot be decoded", claim.group_id)
            return None

    def chord_lease(self) -> timedelta:
        """Return the age at which a claim no longer counts: twice what a join may take."""
        return timedelta(seconds=max(SHORTEST_LEASE, 2 * (self.app.conf.result_chord_join_timeout or 0)))

    def _start_chord(self, group_id: str, results: list[Any], body: Any) -> None:
        with self._explained(ChordCounter):
            ChordCounter.objects.start(
                group_id=group_id,
                sub_tasks=json.dumps([result.as_tuple() for result in results]),
                count=sum(1 for _ in leaves(results)),
                body=self._encode_body(body),
            )

    def _encode_body(self, body: Any) -> codec.Encoded | None:
        """Return the body as its task's message would hold it; None where it cannot be encoded."""
        try:
            return codec.to_text(*dumps(dict(body), serializer=self.app.conf.task_serializer))
        except (EncodeError, TypeError, ValueError) as exc:
            logger.warning("The body of a chord cannot be stored, so only its last part can send it: %s", exc)
            return None

    def _count_part(self, group_id: str) -> int | None:
        with self._explained(ChordCounter):
            left = ChordCounter.objects.count_part(group_id)
        if left is None:
            logger.warning("Chord %s has no counter: its body was sent, or its publisher has not committed", group_id)
        return left

    def _claim_chord(self, group_id: str, token: str, values: bool, although_unready: bool = False) -> Claim | None:
        with self._explained(ChordCounter):
            return ChordCounter.objects.claim(
                group_id,
                token=token,
                lease=self.chord_lease(),
                tasks=self.TaskModel._default_manager,
                values=values,
                although_unready=although_unready,
            )

    def _finish_quietly(self, group_id: str, body: Any = None) -> None:
        try:
            callback: Any = maybe_signature(body, app=self.app)
            self.finish_chord(group_id, callback)
        except Exception:
            logger.exception("Chord %s could not be finished; a worker's sweep will do so", group_id)

    def _header(self, claim: Claim, values: bool) -> GroupResult:
        """Return the header with what the claim has read; joining it reads nothing more.

        Without ``values`` only the first member that failed, if there is one: it is worth a read.
        """
        members = [result_from_tuple(member, app=self.app) for member in claim.members]
        tasks = claim.tasks
        if not values:
            members = [leaf for leaf in leaves(members) if tasks[leaf.id].status in states.PROPAGATE_STATES][:1]
            # What it raised; where a second delivery has begun since, what is known is that it failed.
            tasks = {leaf.id: tasks[leaf.id] for leaf in members} | self._ready_rows([leaf.id for leaf in members])
        for leaf in leaves(members):
            leaf.parent = None  # a join would ask for each one's chain, whose failures are the leaf's already
            with suppress(Exception):  # a result that cannot be decoded stops the join, which says so
                leaf._maybe_set_cache(self._meta(tasks[leaf.id]))
        return GroupResult(claim.group_id, members, app=self.app)

    def _ready_rows(self, task_ids: list[str]) -> dict[str, Any]:
        rows = self._retrying(self._read_rows, task_ids) if task_ids else {}
        return {task_id: row for task_id, row in rows.items() if row.status in states.READY_STATES}

    def _is_kept_for_chord(self, row: Any) -> bool:
        """Return whether the row of a task exists only because its chord needs it."""
        with suppress(Exception):
            return KEPT_FOR_CHORD in (self.decode_content(row, row.meta) or ())
        return False
