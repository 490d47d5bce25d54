"""The last part of a chord arrived: join the header and send the body, or say who failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from celery import Celery, states
from celery.canvas import Signature
from celery.exceptions import ChordError
from celery.result import GroupResult, ResultSet, allow_join_result
from celery.utils.log import get_logger

logger = get_logger(__name__)


def leaves(results: Iterable[Any]) -> Iterator[Any]:
    """Yield the results of the tasks in a header, in the order of a join; nested groups are flattened."""
    for result in results:
        if isinstance(result, ResultSet):
            yield from leaves(result.results or ())
        else:
            yield result


def leaf_ids(results: Iterable[Any]) -> list[str]:
    """Return the ids of the tasks in a header; nested groups are flattened."""
    return [leaf.id for leaf in leaves(results)]


def trigger_callback(app: Celery, callback: Signature, group_result: GroupResult) -> None:
    """Join ``group_result`` and send ``callback`` its results; where a member failed, send the errbacks.

    Waits up to ``result_chord_join_timeout`` seconds. Raises nothing: what goes wrong becomes a ChordError.
    """
    join = group_result.join_native if group_result.supports_native_join else group_result.join
    try:
        with allow_join_result():
            results = join(timeout=app.conf.result_chord_join_timeout, propagate=True)
    except Exception as exc:  # noqa: BLE001 - whatever a member raised
        culprit = _culprit_id(group_result)
        _fail(app, callback, group_result, f"Dependency {culprit} raised {exc!r}" if culprit else repr(exc), exc)
        return
    try:
        publish = getattr(app.amqp, "_retry_publish", None)  # Celery 5.6 and newer survive a lost broker there
        if publish is None:
            callback.delay(results)
        else:
            publish(callback.delay, results)
    except Exception as exc:  # noqa: BLE001 - brokers raise what they like
        _fail(app, callback, group_result, f"Callback error: {exc!r}", exc)


def _culprit_id(group_result: GroupResult) -> str | None:
    """Return the id of the member at which a join stopped, None where that one did not fail.

    Celery's ``_failed_join_report`` finds only members whose failure is in the result cache, and base
    backends cache nothing but successes.
    """
    with suppress(Exception):  # a result that cannot be read may be why the join stopped
        for member in leaves(group_result.results or ()):
            state = member.state
            if state != states.SUCCESS:
                return str(member.id) if state in states.PROPAGATE_STATES else None
    return None


def _fail(app: Celery, callback: Signature, group_result: GroupResult, reason: str, exc: Exception) -> None:
    logger.error("Chord %r raised: %s", group_result.id, reason, exc_info=exc)
    error = ChordError(reason)
    error.__cause__ = exc
    app.backend.chord_error_from_stack(callback, exc=error)
