"""Finish the chords that nobody finished: their last worker died, or their publisher committed late."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from celery.utils.log import get_logger
from django.utils import timezone

from dcr_models.models import ChordCounter

from .callback import fail_chord

if TYPE_CHECKING:
    from .database import DatabaseBackend

logger = get_logger(__name__)

#: Ids that one line of the log names.
SHOWN = 10


class Sweep(NamedTuple):
    """What a sweep found; lists of group ids."""

    #: Complete chords whose body was sent.
    finished: list[str]
    #: Chords that were ended with a ChordError, because header tasks have no row and will not get one.
    failed: list[str]
    #: Old counters that hold no body, as those that 2.6 made: nobody but their last part can send it.
    stuck: list[str]


def sweep(backend: DatabaseBackend) -> Sweep:
    """Look at every counter that no process holds; finish what is complete, end what never will be."""
    report = Sweep([], [], [])
    limit = backend.chord_expires()
    for group_id, created, has_body in backend._retrying(unclaimed, backend):
        old = limit is not None and created is not None and created < timezone.now() - limit
        try:
            if not has_body:
                if created is None or old:
                    report.stuck.append(group_id)
            elif needs_recount(backend, group_id):
                if backend.finish_chord(group_id):
                    report.finished.append(group_id)
            elif old and end_incomplete(backend, group_id):
                report.failed.append(group_id)
        except Exception:  # the chords after this one need not wait until somebody has repaired it
            logger.exception("Chord %s could not be looked after", group_id)
    if report.finished:
        logger.warning("Finished chords that were complete and left: %s", shortened(report.finished))
    return report


def shortened(ids: list[str]) -> str:
    """Return the first ids of a list, and how many more there are."""
    return ", ".join(ids[:SHOWN]) + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")


def unclaimed(backend: DatabaseBackend) -> list[tuple[str, datetime | None, bool]]:
    """Return ``(group id, date_created, whether a body is stored)`` of counters that nobody works on."""
    with backend._explained(ChordCounter):
        return list(ChordCounter.objects.unclaimed(backend.chord_lease()))


def needs_recount(backend: DatabaseBackend, group_id: str) -> bool:
    """Return whether a chord is complete, or its count wrong; cheap enough to ask of all chords every minute."""
    with backend._explained(ChordCounter):
        return ChordCounter.objects.needs_recount(group_id, backend.TaskModel._default_manager)


def end_incomplete(backend: DatabaseBackend, group_id: str) -> bool:
    """End a chord with a ChordError where tasks of its header have no row; return whether it was ended.

    A chord whose unfinished tasks all have rows is left alone: they may finish yet.
    """
    claim = backend._claim_chord(group_id, uuid4().hex, values=False, although_unready=True)
    if claim is None:
        return False
    gone = [task_id for task_id in claim.unready if task_id not in claim.tasks]
    callback = backend.stored_body(claim)
    if callback is None or not gone:
        ChordCounter.objects.release(group_id, claim.token)
        return False
    reason = f"No result is stored of {shortened(gone)}, and none is expected any more"
    return backend.send_body(claim, lambda: fail_chord(backend.app, callback, group_id, reason))
