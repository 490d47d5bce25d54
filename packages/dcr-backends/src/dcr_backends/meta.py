"""Row -> Celery's task meta: the columns under Celery's names, decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from celery import states
from kombu.exceptions import DecodeError

from . import errors
from .record import ARGUMENTS

#: Returns the value of a text that a row holds, None where it is empty.
Decode = Callable[[Any, str | None], Any]


def from_row(row: Any, decode: Decode) -> dict[str, Any]:
    """Return the meta of a stored task, or of an unsaved instance for a task that nothing is stored of.

    ``row`` has the columns as attributes and ``as_dict()``. Raises kombu's DecodeError and ContentDisallowed
    where result or meta cannot be decoded.
    """
    columns = row.as_dict()
    task_id = columns["task_id"]
    stored = decoded(row, columns.pop("meta"), f"meta of task {task_id}", decode)
    arguments = {name: _arguments(row, columns[name], decode) for name in ARGUMENTS}
    return {
        # First, so that nothing a task wrote into request.meta takes the place of a column.
        **(stored if isinstance(stored, Mapping) else {}),
        **columns,
        **arguments,
        "result": decoded(row, columns["result"], f"result of task {task_id}", decode),
        # Celery's own names, beside the columns' names that 2.x gave.
        "args": arguments["task_args"],
        "kwargs": arguments["task_kwargs"],
        "name": columns["task_name"],
        # The column holds the last update; Celery's key says when the task was done.
        "date_done": columns["date_done"] if columns["status"] in states.READY_STATES else None,
    }


def decoded(row: Any, content: str | None, what: str, decode: Decode) -> Any:
    """Return the value of ``content``; the error for one that cannot be decoded says ``what`` it is."""
    try:
        return decode(row, content)
    except DecodeError as exc:
        raise type(exc)(errors.undecodable(what, exc)) from exc


def _arguments(row: Any, content: str | None, decode: Decode) -> Any:
    """Return decoded arguments, or their text where it does not decode: people edit it in the admin."""
    try:
        return decode(row, content)
    except DecodeError:
        return content
