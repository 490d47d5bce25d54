"""The body of a chord: send it the header's results, or say who failed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from celery import Celery, states
from celery.canvas import Signature
from celery.exceptions import ChordError
from celery.result import GroupResult, allow_join_result
from celery.utils.log import get_logger

from .groups import is_read, leaves

logger = get_logger(__name__)


def trigger_callback(app: Celery, callback: Signature[Any], group_result: GroupResult) -> None:
    """Join ``group_result`` and send ``callback`` its results; where a member failed, send the errbacks.

    Waits up to ``result_chord_join_timeout`` seconds. Raises nothing: what goes wrong becomes a ChordError.
    """
    # Members that have been read need no reads, and the native join takes two members of one id for one.
    native = group_result.supports_native_join and not is_read(group_result)
    join = group_result.join_native if native else group_result.join
    try:
        with allow_join_result():
            results = join(timeout=app.conf.result_chord_join_timeout, propagate=True)
    except Exception as exc:  # noqa: BLE001 - whatever a member raised
        culprit = _culprit_id(group_result)
        fail_chord(
            app, callback, group_result.id, f"Dependency {culprit} raised {exc!r}" if culprit else repr(exc), exc
        )
        return
    try:
        publish = getattr(app.amqp, "_retry_publish", None)  # Celery 5.6 and newer survive a lost broker there
        if publish is None:
            callback.delay(results)
        else:
            publish(callback.delay, results)
    except Exception as exc:  # noqa: BLE001 - brokers raise what they like
        fail_chord(app, callback, group_result.id, f"Callback error: {exc!r}", exc)


def fail_chord(
    app: Celery, callback: Signature[Any], group_id: str | None, reason: str, exc: Exception | None = None
) -> None:
    """Store the body of a chord as failed with ``reason``, and send its errbacks."""
    logger.error("Chord %r raised: %s", group_id, reason, exc_info=exc)
    try:
        raise ChordError(reason) from exc
    except ChordError as error:  # Celery stores the traceback of what is being handled
        app.backend.chord_error_from_stack(callback, exc=error)


def _culprit_id(group_result: GroupResult) -> str | None:
    """Return the id of the member at which a join stopped, None where that one did not fail.

    Celery's ``_failed_join_report`` finds only members whose failure is in the result cache, which holds a
    hundred unless ``result_cache_max`` says otherwise.
    """
    with suppress(Exception):  # a result that cannot be read may be why the join stopped
        for member in leaves(group_result.results or ()):
            state = member.state
            if state != states.SUCCESS:
                return str(member.id) if state in states.PROPAGATE_STATES else None
    return None
