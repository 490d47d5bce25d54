"""What the endpoints answer, byte for byte where the 2.6 line answers with 200.

The expected bodies were recorded from django-celery-results 2.6.0 (Celery 5.5, ``cache+memory://``).
"""

from __future__ import annotations

import ast
import datetime
import decimal
import sys
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.backends.cache import CacheBackend
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult, GroupResult
from django.test import Client, RequestFactory

import dcr_http
from dcr_http import views

Apps = Callable[..., AbstractContextManager[Celery]]


def body(client: Client, path: str, *, status: int = 200) -> str:
    """Return the text that ``path`` below ``celery/`` answers with."""
    response = client.get(f"/celery/{path}")
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")
    return response.content.decode("ascii")


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (None, "null"),
        (3, "3"),
        (2**70, "1180591620717411303424"),
        ("h\u00e9 \u20ac \U0001f600", r'"h\u00e9 \u20ac \ud83d\ude00"'),
        ("</script>", '"</script>"'),
        ([1, [2, {"b": 1, "a": None}]], '[1, [2, {"b": 1, "a": null}]]'),
        (datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.UTC), '"2024-05-06T07:08:09.123Z"'),
        (datetime.datetime(2024, 5, 6), '"2024-05-06T00:00:00"'),  # noqa: DTZ001 - tasks return naive ones too
        (datetime.date(2024, 5, 6), '"2024-05-06"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (decimal.Decimal("1.10"), '"1.10"'),
    ],
    ids=lambda value: type(value).__name__,
)
def test_result_of_any_backend(client: Client, any_app: Celery, value: Any, result: str) -> None:
    any_app.backend.store_result("a", value, "SUCCESS")
    assert body(client, "task/status/a/") == f'{{"task": {{"id": "a", "status": "SUCCESS", "result": {result}}}}}'
    assert body(client, "task/done/a/") == '{"task": {"id": "a", "executed": true}}'


def test_unknown_task_is_pending(client: Client, any_app: Celery) -> None:
    assert body(client, "task/status/a/") == '{"task": {"id": "a", "status": "PENDING", "result": null}}'
    assert body(client, "task/done/a/") == '{"task": {"id": "a", "executed": false}}'


def test_id_outside_ascii(client: Client, any_app: Celery) -> None:
    any_app.backend.store_result("tarea.ñ_-1", 1, "SUCCESS")
    expected = r'{"task": {"id": "tarea.\u00f1_-1", "status": "SUCCESS", "result": 1}}'
    assert body(client, "task/status/tarea.ñ_-1/") == expected


def test_progress_and_failure_of_any_backend(client: Client, any_app: Celery) -> None:
    any_app.backend.store_result("a", {"done": 1, "total": 4}, "PROGRESS")
    expected = '{"task": {"id": "a", "status": "PROGRESS", "result": {"done": 1, "total": 4}}}'
    assert body(client, "task/status/a/") == expected
    any_app.backend.store_result("a", ValueError("bad é", 3), "FAILURE", traceback="Traceback: x\n")
    assert body(client, "task/status/a/") == (
        r"""{"task": {"id": "a", "status": "FAILURE", "result": "ValueError('bad \u00e9', 3)", """
        r'"exc": "builtins.ValueError", "traceback": "Traceback: x\n"}}'
    )
    assert body(client, "task/done/a/") == '{"task": {"id": "a", "executed": false}}'


@pytest.mark.parametrize(
    ("state", "exception", "rest"),
    [
        ("RETRY", KeyError("k"), '''"result": "KeyError('k')", "exc": "builtins.KeyError", "traceback": "tb"'''),
        (
            "REVOKED",
            TaskRevokedError("terminated"),
            """"result": "TaskRevokedError('terminated')", "exc": "celery.exceptions.TaskRevokedError", """
            '"traceback": "tb"',
        ),
        ("FAILURE", None, '"result": "None", "exc": "builtins.NoneType", "traceback": "tb"'),
    ],
)
def test_exception_states(client: Client, memory_app: Celery, state: str, exception: Any, rest: str) -> None:
    memory_app.backend.store_result("a", exception, state, traceback="tb")
    assert body(client, "task/status/a/") == f'{{"task": {{"id": "a", "status": "{state}", {rest}}}}}'


class Finishing(CacheBackend):
    """Result backend in which every task that is still running finishes right after it was looked at."""

    def get_task_meta(self, task_id: str, cache: bool = True) -> Any:
        meta = super().get_task_meta(task_id, cache=cache)
        self.store_result(task_id, "final", "SUCCESS")
        return meta


def test_state_and_result_are_read_at_once(client: Client, use_app: Apps) -> None:
    with use_app(result_backend=f"{__name__}:Finishing", cache_backend="memory://") as app:
        app.backend.store_result("a", "half", "PROGRESS")
        assert body(client, "task/status/a/") == '{"task": {"id": "a", "status": "PROGRESS", "result": "half"}}'
        assert body(client, "task/status/a/") == '{"task": {"id": "a", "status": "SUCCESS", "result": "final"}}'


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (b"x", "\"b'x'\""),
        ({1}, '"{1}"'),
        (KeyError("k"), "\"KeyError('k')\""),
        ({"loss": float("nan"), "best": float("inf")}, '{"loss": "NaN", "best": "Infinity"}'),
        ({("a", 1): b"", "kept": 2}, '{"(\'a\', 1)": "b\'\'", "kept": 2}'),
    ],
)
def test_odd_results(client: Client, memory_app: Celery, value: Any, result: str) -> None:
    memory_app.backend.store_result("a", value, "SUCCESS")
    GroupResult("g", [AsyncResult("a")]).save()
    assert body(client, "task/status/a/") == f'{{"task": {{"id": "a", "status": "SUCCESS", "result": {result}}}}}'
    expected = f'{{"group": {{"id": "g", "results": [{{"result": {result}, "status": "SUCCESS"}}]}}}}'
    assert body(client, "group/status/g/") == expected


def test_group_of_any_backend(client: Client, any_app: Celery) -> None:
    any_app.backend.store_result("a", 3, "SUCCESS")
    any_app.backend.store_result("b", {"done": 1}, "PROGRESS")
    any_app.backend.store_result("c", ValueError("bad"), "FAILURE")
    GroupResult("g", [AsyncResult(member) for member in "abcd"]).save()
    assert body(client, "group/done/g/") == (
        '{"group": {"id": "g", "results": [{"id": "a", "executed": true}, {"id": "b", "executed": false}, '
        '{"id": "c", "executed": false}, {"id": "d", "executed": false}]}}'
    )
    assert body(client, "group/status/g/") == (
        '{"group": {"id": "g", "results": [{"result": 3, "status": "SUCCESS"}, '
        '{"result": {"done": 1}, "status": "PROGRESS"}, '
        """{"result": "ValueError('bad')", "status": "FAILURE"}, """
        '{"result": null, "status": "PENDING"}]}}'
    )


def test_failure_without_exception_is_null_in_a_group(client: Client, memory_app: Celery) -> None:
    memory_app.backend.store_result("a", None, "FAILURE")
    GroupResult("g", [AsyncResult("a")]).save()
    expected = '{"group": {"id": "g", "results": [{"result": null, "status": "FAILURE"}]}}'
    assert body(client, "group/status/g/") == expected


def test_empty_group(client: Client, any_app: Celery) -> None:
    GroupResult("g", []).save()
    for endpoint in ("done", "status"):
        assert body(client, f"group/{endpoint}/g/") == '{"group": {"id": "g", "results": []}}'


def test_unknown_group(client: Client, any_app: Celery) -> None:
    assert body(client, "group/done/g/") == '{"group": {"id": "g", "results": []}}'
    expected = '{"group": {"id": "g", "results": []}, "error": "No saved group has the id g."}'
    assert body(client, "group/status/g/", status=404) == expected


def test_nested_group(client: Client, any_app: Celery) -> None:
    any_app.backend.store_result("a", 1, "SUCCESS")
    any_app.backend.store_result("b", ValueError("bad"), "FAILURE")
    inner = GroupResult("inner", [AsyncResult("a"), AsyncResult("b")])
    GroupResult("g", [AsyncResult("a"), inner]).save()  # type: ignore[list-item]  # Celery saves nested ones
    expected = '{"group": {"id": "g", "results": [{"id": "a", "executed": true}, {"id": "inner", "executed": false}]}}'
    assert body(client, "group/done/g/") == expected
    assert body(client, "group/status/g/") == (
        '{"group": {"id": "g", "results": [{"result": 1, "status": "SUCCESS"}, {"result": '
        '[{"result": 1, "status": "SUCCESS"}, {"result": "ValueError(\'bad\')", "status": "FAILURE"}], '
        '"status": "FAILURE"}]}}'
    )


def test_id_first_urls_answer_the_same(client: Client, any_app: Celery) -> None:
    any_app.backend.store_result("a", 1, "SUCCESS")
    GroupResult("g", [AsyncResult("a")]).save()
    assert body(client, "a/done/") == body(client, "task/done/a/")
    assert body(client, "a/status/") == body(client, "task/status/a/")
    assert body(client, "g/group/done/") == body(client, "group/done/g/")
    assert body(client, "g/group/status/") == body(client, "group/status/g/")


def test_views_take_their_arguments_by_name_and_keep_their_own(memory_app: Celery, rf: RequestFactory) -> None:
    request = rf.get("/")
    assert views.task_status(request=request, task_id="a").content == views.task_status(request, "a").content
    assert views.group_status(request=request, group_id="g").content == views.group_status(request, "g").content
    assert views.task_status.__name__ == "task_status"


def test_imports_celery_and_django_only() -> None:
    allowed = {"celery", "django", "dcr_http", *sys.stdlib_module_names}
    imported = set()
    for source in Path(dcr_http.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add((node.module or "").partition(".")[0])
    assert imported <= allowed
    assert {"celery", "django"} <= imported
