"""Where the result backend gives no readable answer, the endpoints still answer with JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from celery import Celery
from celery.backends.cache import CacheBackend
from celery.result import AsyncResult, GroupResult
from django.test import Client

Apps = Callable[..., AbstractContextManager[Celery]]

each_path = pytest.mark.parametrize("path", ["task/done/a/", "task/status/a/", "group/done/g/", "group/status/g/"])


class Away(CacheBackend):
    """Result backend that has lost its server, and knows that such an error passes."""

    def get(self, key: str) -> Any:
        raise ConnectionRefusedError(f"no server to ask for {key}")

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        return isinstance(exc, ConnectionRefusedError)


@each_path
def test_result_that_cannot_be_read(
    client: Client, memory_app: Celery, use_app: Apps, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Stored by a worker with pickle, asked for in a process that accepts JSON only."""
    memory_app.backend.store_result("a", 1, "SUCCESS")
    GroupResult("g", [AsyncResult("a")]).save()
    with use_app(result_backend="cache+memory://"):
        response = client.get(f"/celery/{path}")
    assert (response.status_code, response["Cache-Control"]) == (500, "no-store")
    assert response.json() == {"error": "The stored result cannot be read: the server's log says why."}
    [record] = [record for record in caplog.records if record.name == "dcr_http.views"]
    assert f"/celery/{path}" in record.getMessage()
    assert record.levelno == logging.ERROR
    assert record.exc_info


def test_failure_without_a_description(client: Client, memory_app: Celery) -> None:
    """``update_state(state="FAILURE", meta={...})``: Celery itself refuses to read that."""
    memory_app.backend.store_result("a", {"why": "bad input"}, "FAILURE")
    response = client.get("/celery/task/status/a/")
    assert response.status_code == 500
    assert "cannot be read" in response.json()["error"]


@each_path
@pytest.mark.parametrize("retries", [{}, {"result_backend_always_retry": True, "result_backend_max_retries": 0}])
def test_backend_that_is_away(client: Client, use_app: Apps, path: str, retries: dict[str, Any]) -> None:
    with use_app(result_backend=f"{__name__}:Away", cache_backend="memory://", **retries):
        response = client.get(f"/celery/{path}")
    assert (response.status_code, response["Cache-Control"]) == (503, "no-store")
    assert response.json() == {"error": "The result backend does not answer: try again later."}


@each_path
def test_no_backend(client: Client, use_app: Apps, path: str) -> None:
    with use_app():
        response = client.get(f"/celery/{path}")
    assert (response.status_code, response["Cache-Control"]) == (503, "no-store")
    assert response.json() == {"error": "Celery has no result backend: set result_backend."}
