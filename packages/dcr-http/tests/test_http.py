"""Methods and headers, the same for every endpoint."""

from __future__ import annotations

import pytest
from celery import Celery
from celery.result import AsyncResult, GroupResult
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

NAMES = ["celery-is_task_successful", "celery-task_status", "celery-is_group_successful", "celery-group_status"]
each_endpoint = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def stored(memory_app: Celery) -> None:
    """Keep a task and a group, both with the id ``stored``."""
    memory_app.backend.store_result("stored", 1, "SUCCESS")
    GroupResult("stored", [AsyncResult("stored")]).save()


@each_endpoint
def test_get_and_head_are_answered(client: Client, name: str) -> None:
    url = reverse(name, args=["stored"])
    get, head = client.get(url), client.head(url)
    assert (get.status_code, head.status_code) == (200, 200)
    assert get["Content-Type"] == head["Content-Type"] == "application/json"
    assert int(head["Content-Length"]) == len(get.content)
    assert head.content == b""


@each_endpoint
def test_options_names_the_methods_without_reading(client: Client, name: str) -> None:
    response = client.options(reverse(name, args=["unknown"]))
    assert (response.status_code, response["Allow"], response.content) == (200, "GET, HEAD, OPTIONS", b"")


@each_endpoint
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(client: Client, name: str, method: str) -> None:
    response = client.generic(method, reverse(name, args=["stored"]))
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")


@each_endpoint
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("task_id", ["stored", "unknown"])
def test_nothing_may_be_cached(client: Client, name: str, method: str, task_id: str) -> None:
    response = client.generic(method, reverse(name, args=[task_id]))
    assert response["Cache-Control"] == "no-store"


def test_the_cache_of_the_site_is_not_used(client: Client, settings: Settings, memory_app: Celery) -> None:
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    url = reverse("celery-task_status", args=["changing"])
    assert client.get(url).json()["task"]["status"] == "PENDING"
    memory_app.backend.store_result("changing", 1, "SUCCESS")
    assert client.get(url).json()["task"]["status"] == "SUCCESS"
