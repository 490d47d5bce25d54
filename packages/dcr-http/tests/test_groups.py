"""Groups of any size are read together, where the result backend can."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.result import AsyncResult, GroupResult
from django.test import Client

pytestmark = pytest.mark.django_db


def saved_group(app: Celery, size: int, *, done: int) -> GroupResult:
    """Save a group whose first ``done`` tasks have succeeded; one of the others runs, of the rest nothing is known."""
    members: list[Any] = [AsyncResult(uuid4().hex, app=app) for _ in range(size)]
    for number, member in enumerate(members[:done]):
        app.backend.store_result(member.id, number, "SUCCESS")
    if done < size:
        app.backend.store_result(members[done].id, {"percent": 7}, "PROGRESS")
    group = GroupResult(uuid4().hex, [*members[2:], GroupResult(uuid4().hex, members[:2], app=app)], app=app)
    group.save()
    return group


@pytest.mark.parametrize(("size", "done"), [(5, 5), (300, 300), (300, 120)])
@pytest.mark.parametrize("question", ["done", "status"])
def test_statements(
    celery_app: Celery, client: Client, size: int, done: int, question: str, django_assert_num_queries: Any
) -> None:
    group = saved_group(celery_app, size, done=done)
    with django_assert_num_queries(2):
        response = client.get(f"/celery/group/{question}/{group.id}/")
    results = response.json()["group"]["results"]
    assert len(results) == size - 1
    if question == "status":
        assert [result["status"] for result in results].count("SUCCESS") == done - 1
        assert results[-1] == {
            "result": [{"result": 0, "status": "SUCCESS"}, {"result": 1, "status": "SUCCESS"}],
            "status": "SUCCESS",
        }
        if done < size:
            assert results[done - 2] == {"result": {"percent": 7}, "status": "PROGRESS"}
            assert results[done - 1] == {"result": None, "status": "PENDING"}
    else:
        assert [result["executed"] for result in results] == [True] * (done - 2) + [False] * (size - done) + [True]
