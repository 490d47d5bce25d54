"""The endpoints: look up a task or group, choose a status code.

They read through Celery's current app, so any result backend will do. An unknown task is PENDING, with 200, since
Celery cannot tell it from one that waits; ``group/status/`` of an unknown group is 404. Where the backend itself says
that its error is a passing one, or there is no backend, the code is 503; for anything else that keeps a stored result
from being read it is 500. What is wrong is the text under ``error``, and with the traceback in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from celery import current_app
from celery.backends.base import DisabledBackend
from celery.exceptions import BackendGetMetaError
from celery.result import AsyncResult, GroupResult, ResultSet
from celery.states import PENDING, SUCCESS
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from dcr_http import payloads

logger = logging.getLogger(__name__)

#: The safe methods of HTTP; OPTIONS is what a browser asks first when another site's page calls.
METHODS = ["GET", "HEAD", "OPTIONS"]

#: Task id -> meta, of tasks that were read together; None where a backend reads them one by one.
Metas = dict[str, dict[str, Any]] | None

View = TypeVar("View", bound=Callable[..., HttpResponse])


def endpoint(view: View) -> View:
    """Answer safe methods only, never from a cache, and with JSON also where the result backend cannot be read."""

    @cache_control(no_store=True)
    @require_http_methods(METHODS)
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return HttpResponse(headers={"Allow": ", ".join(METHODS), "Content-Length": "0"})
        backend = current_app.backend
        if isinstance(backend, DisabledBackend):
            return _problem(gettext("Celery has no result backend: set result_backend."), status=503)
        try:
            return view(request, *args, **kwargs)
        except Exception as error:
            # Backends raise their drivers' and serializers' errors, which share no base class.
            logger.exception("The result backend could not be read for %s", request.path)
            if isinstance(error, BackendGetMetaError) or backend.exception_safe_to_retry(error):
                return _problem(gettext("The result backend does not answer: try again later."), status=503)
            return _problem(gettext("The stored result cannot be read: the server's log says why."), status=500)

    return cast(View, answer)


@endpoint
def is_task_successful(request: HttpRequest, task_id: str) -> HttpResponse:
    """Answer whether the task has succeeded; an unknown one has not."""
    return JsonResponse(payloads.task_done(task_id, executed=AsyncResult(task_id).successful()))


@endpoint
def task_status(request: HttpRequest, task_id: str) -> HttpResponse:
    """Answer with state and result of the task; an unknown one is PENDING."""
    return JsonResponse(payloads.task_status(task_id, _read(AsyncResult(task_id))))


@endpoint
def is_group_successful(request: HttpRequest, group_id: str) -> HttpResponse:
    """Answer which members of the group have succeeded; an unknown group has none."""
    group = _saved_group(group_id)
    members = group.results or () if group else ()
    metas = _read_together(members)
    done = [
        (member.id, all(_meta(leaf, metas)["status"] == SUCCESS for leaf in _leaves([member]))) for member in members
    ]
    return JsonResponse(payloads.group_done(group_id, done))


@endpoint
def group_status(request: HttpRequest, group_id: str) -> HttpResponse:
    """Answer with state and result of each member of the group; 404 where no such group was saved."""
    group = _saved_group(group_id)
    if group is None:
        message = gettext("No saved group has the id %(group_id)s.") % {"group_id": group_id}
        return _problem(message, status=404, **payloads.group_status(group_id, []))
    metas = _read_together(group.results or ())
    return JsonResponse(payloads.group_status(group_id, [_entry(member, metas) for member in group.results or ()]))


def _saved_group(group_id: str) -> GroupResult | None:
    """Return the group that was saved under this id, None where there is none."""
    return GroupResult.restore(group_id)


def _entry(member: AsyncResult[Any] | ResultSet, metas: Metas) -> dict[str, Any]:
    """Return the entry of one member of a group, which may be a group itself."""
    if isinstance(member, ResultSet):
        return payloads.group_member([_entry(inner, metas) for inner in member.results or ()])
    return payloads.task_member(_meta(member, metas))


def _succeeded(member: AsyncResult[Any] | ResultSet, metas: Metas) -> bool:
    """Return whether a member has succeeded; a group has when all its tasks have."""
    return all(_meta(leaf, metas)["status"] == SUCCESS for leaf in _leaves([member]))


def _leaves(members: Iterable[Any]) -> Iterator[AsyncResult[Any]]:
    """Yield the tasks of a group; nested groups are flattened."""
    for member in members:
        if isinstance(member, ResultSet):
            yield from _leaves(member.results or ())
        else:
            yield member


def _read_together(members: Iterable[Any]) -> Metas:
    """Return what the backend holds for the tasks of a group, by id; None where it reads one at a time."""
    read = getattr(current_app.backend, "get_task_metas", None)  # django-db has it
    if read is None:
        return None
    metas: Metas = read([leaf.id for leaf in _leaves(members)])
    return metas


def _meta(result: AsyncResult[Any], metas: Metas) -> Mapping[str, Any]:
    """Return what was read of a task together with others, else read it; PENDING where nothing is stored."""
    return _read(result) if metas is None else metas.get(result.id, {"status": PENDING, "result": None})


def _read(result: AsyncResult[Any]) -> dict[str, Any]:
    """Return what the backend holds for a task, read once.

    ``AsyncResult.state`` and ``.result`` of a task that is not ready are two reads: the task could finish in between
    and be shown as running, with its final result.
    """
    meta: dict[str, Any] = result._get_task_meta()  # type: ignore[attr-defined]  # private, hence not in its stubs
    return meta


def _problem(message: str, *, status: int, **payload: Any) -> JsonResponse:
    """Return an answer that says what is wrong under ``error``, beside the payload if there is one."""
    return JsonResponse({**payload, "error": message}, status=status)
