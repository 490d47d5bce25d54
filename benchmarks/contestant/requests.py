"""What a worker knows about a task when it stores a result: real requests, as message protocol 2 makes them."""

from __future__ import annotations

import uuid
from typing import Any

from celery.app.task import Context

#: What a task of the measurements returns.
VALUE = {"total": 1234.5, "currency": "EUR", "lines": [1, 2, 3]}

#: What a worker stores when the task starts.
STARTED = {"pid": 4711, "hostname": "celery@bench"}


def new_id() -> str:
    """Return an id as Celery makes them."""
    return str(uuid.uuid4())


def tasks(count: int) -> list[tuple[str, Context]]:
    """Return ids and requests of tasks that nothing is known of."""
    return [(task_id, request(task_id)) for task_id in (new_id() for _ in range(count))]


def request(task_id: str, **changed: Any) -> Context:
    """Return the request of a task that a worker runs; ``changed``: group, chord, group_index."""
    return Context(
        {
            "lang": "py",
            "task": "shop.orders.total",
            "id": task_id,
            "root_id": task_id,
            "parent_id": None,
            "correlation_id": task_id,
            "group": None,
            "group_index": None,
            "chord": None,
            "chain": None,
            "eta": None,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            "args": (42, "EUR"),
            "kwargs": {"currency": "EUR"},
            "argsrepr": "(42, 'EUR')",
            "kwargsrepr": "{'currency': 'EUR'}",
            "origin": "gen1@bench",
            "hostname": "celery@bench",
            "ignore_result": False,
            "reply_to": new_id(),
            "delivery_info": {"exchange": "", "routing_key": "celery", "priority": 0, "redelivered": False},
            "properties": {},
            "is_eager": False,
            "called_directly": False,
            "stamped_headers": None,
            "stamps": {},
            **changed,
        }
    )
