"""Request -> columns: what a task's request tells about it. Pure: touches no database, raises nothing.

Requests come from workers (task protocol 1 and 2), from eager runs, from Celery's own bookkeeping of
chains, and from people's hands; they can be partial or proxies. A value is taken only where it has the
type that it should have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from celery.utils.saferepr import saferepr
from kombu.exceptions import EncodeError

#: Turns a value into the text that a column keeps; raises kombu's EncodeError where it cannot.
Encode = Callable[[Any], str]

ARGUMENTS = ("task_args", "task_kwargs")

#: What a request can tell.
COLUMNS = ("task_name", "worker", "periodic_task_name", *ARGUMENTS)


def columns(request: Any, encode: Encode) -> dict[str, str | None]:
    """Return the columns that describe the task of ``request``; None in those that it does not know."""
    known: dict[str, str | None] = {
        "task_name": _name(request),
        "worker": _text(request, "hostname"),
        "periodic_task_name": _periodic_task_name(request),
        "task_args": None,
        "task_kwargs": None,
    }
    if not _is_retry(request):
        known["task_args"] = _arguments(request, "argsrepr", "args", encode)
        known["task_kwargs"] = _arguments(request, "kwargsrepr", "kwargs", encode)
    return known


def _is_retry(request: Any) -> bool:
    """Return whether the task ran before, so that its row knows the arguments already.

    Celery publishes a retry without the ``argsrepr`` and ``kwargsrepr`` that the caller chose, and shows
    the real arguments instead. Whoever masked them must not find them in the table, not even where the
    row of the first run is gone.
    """
    retries = getattr(request, "retries", None)
    return isinstance(retries, int) and retries > 0


def meta(request: Any) -> dict[str, Any]:
    """Return what the task put into ``request.meta``."""
    value = getattr(request, "meta", None)
    return dict(value) if isinstance(value, Mapping) else {}


def _arguments(request: Any, shown: str, real: str, encode: Encode) -> str | None:
    """Return the arguments as the caller let them be shown, else the real ones (eager runs, old senders)."""
    representation = getattr(request, shown, None)
    if representation is not None:  # whatever it is, the real ones stay out
        return encode(representation if isinstance(representation, str) else saferepr(representation))
    value = getattr(request, real, None)
    if not isinstance(value, list | tuple | dict):
        return None
    try:
        return encode(value)
    except EncodeError:
        return encode(saferepr(value))


def _name(request: Any) -> str | None:
    task = getattr(request, "task", None)
    # The worker's own Request has the task itself in the place of its name.
    name = task if isinstance(task, str) else getattr(task, "name", None)
    return name if isinstance(name, str) else None


def _text(request: Any, name: str) -> str | None:
    value = getattr(request, name, None)
    return value if isinstance(value, str) else None


def _periodic_task_name(request: Any) -> str | None:
    """Return the name of the schedule entry: an attribute, a header, or what django-celery-beat makes of it.

    Headers are no attributes in an eager run; an option that Celery does not know is a message property.
    """
    name = "periodic_task_name"
    return _text(request, name) or _entry(request, "headers", name) or _entry(request, "properties", name)


def _entry(request: Any, mapping: str, name: str) -> str | None:
    entries = getattr(request, mapping, None)
    value = entries.get(name) if isinstance(entries, Mapping) else None
    return value if isinstance(value, str) else None
