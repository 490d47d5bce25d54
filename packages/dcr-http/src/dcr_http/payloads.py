"""What the endpoints answer: values in, JSON-safe dicts out; nothing here reads a backend.

Keys and their order are those of the 2.6 line, byte for byte, where that line answers at all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from celery import states
from celery.utils import get_full_cls_name
from django.core.serializers.json import DjangoJSONEncoder

#: Levels that a payload puts around a value: {"group": {"results": [{"result": value}]}}.
PAYLOAD_DEPTH = 4

#: Where a value is taken apart to find what JSON cannot say, parts below this level are given as a whole.
MAX_DEPTH = 100


def task_done(task_id: str, *, executed: bool) -> dict[str, Any]:
    """Return the answer of ``task/done/``."""
    return {"task": {"id": task_id, "executed": executed}}


def task_status(task_id: str, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of ``task/status/``; ``meta``: what Celery's backends return for a task.

    In an exception state the result is the exception's repr, and its class and traceback come with it.
    """
    state, value = meta["status"], meta["result"]
    if state not in states.EXCEPTION_STATES:
        return {"task": {"id": task_id, "status": state, "result": json_safe(value)}}
    return {
        "task": {
            "id": task_id,
            "status": state,
            "result": safe_repr(value),
            "exc": get_full_cls_name(value.__class__),
            "traceback": json_safe(meta.get("traceback")),
        }
    }


def group_done(group_id: str, members: Iterable[tuple[str, bool]]) -> dict[str, Any]:
    """Return the answer of ``group/done/``; ``members``: id of each, and whether it succeeded."""
    results = [{"id": task_id, "executed": executed} for task_id, executed in members]
    return {"group": {"id": group_id, "results": results}}


def group_status(group_id: str, members: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the answer of ``group/status/``; ``members`` as ``task_member`` and ``group_member`` make them."""
    return {"group": {"id": group_id, "results": members}}


def task_member(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a task in ``group/status/``."""
    return {"result": json_safe(meta["result"]), "status": meta["status"]}


def group_member(members: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the entry of a nested group: its members' entries as the result, and one status for all of them.

    FAILURE as soon as one failed or was revoked, SUCCESS when all succeeded, else PENDING.
    """
    statuses = {member["status"] for member in members}
    status: str = states.SUCCESS if statuses <= {states.SUCCESS} else states.PENDING
    if statuses & states.PROPAGATE_STATES:
        status = states.FAILURE
    return {"result": members, "status": status}


def json_safe(value: Any) -> Any:
    """Return ``value`` itself where it is valid JSON, else a copy in which the parts that are not have been replaced.

    NaN and the infinities become the strings "NaN", "Infinity" and "-Infinity": the encoder would write the bare
    words, which are not JSON and which no browser parses. Any other part becomes its repr.
    """
    if _is_json(value):
        return value
    try:
        return _replaced(value, ())
    except Exception:  # noqa: BLE001 - a container of the task's own class may raise anything when iterated
        return safe_repr(value)


def safe_repr(value: Any) -> str:
    """Return ``repr(value)``, or ``str(value)`` where that raises, or a placeholder that names the class."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - this is code of the task's own classes, and so is str
        try:
            return str(value)
        except Exception:  # noqa: BLE001
            return f"<Unrepresentable {get_full_cls_name(type(value))}>"


def _is_json(value: Any) -> bool:
    """Return whether JsonResponse makes valid JSON of a payload that holds ``value``."""
    for _ in range(PAYLOAD_DEPTH):  # a value that is nested to the very limit must fail here, not in the response
        value = [value]
    try:
        json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False)
    except Exception:  # noqa: BLE001 - TypeError and ValueError, and what a lazy string or a dict of its own raises
        return False
    return True


def _replaced(value: Any, ancestors: tuple[int, ...]) -> Any:
    """Return a copy of ``value`` that is JSON; ``ancestors``: ids of the containers around it, to stop at cycles."""
    if isinstance(value, (dict, list, tuple)):
        if id(value) in ancestors or len(ancestors) >= MAX_DEPTH:
            return safe_repr(value)
        inside = (*ancestors, id(value))
        if isinstance(value, dict):
            return {_key(key): _replaced(item, inside) for key, item in value.items()}
        return [_replaced(item, inside) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else json.dumps(value)
    return value if _is_json(value) else safe_repr(value)


def _key(key: Any) -> Any:
    """Return ``key`` where JSON takes it as the name of a member, else the text that stands for it."""
    if isinstance(key, float) or _is_json({key: None}):  # a float is written in quotes there, "NaN" too
        return key
    try:
        return DjangoJSONEncoder().default(key)  # a date or UUID reads as it does as a value
    except Exception:  # noqa: BLE001 - as in _is_json
        return safe_repr(key)
