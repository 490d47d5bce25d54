"""Who looks at the pages, and what is in the tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from dcr_models.models import GroupResult, TaskResult


@pytest.fixture
def staff(db: None) -> Callable[..., User]:
    """Return a function that makes a staff user with the permissions of the given codenames."""

    def make(*codenames: str, **fields: Any) -> User:
        user = User.objects.create_user(f"staff-{'-'.join(codenames)}", **{"is_staff": True, **fields})
        granted = Permission.objects.filter(codename__in=codenames)
        assert granted.count() == len(codenames), codenames
        user.user_permissions.set(granted)
        return user

    return make


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """Return a function that gives a client that a user is logged in to."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def store_task(db: None) -> Callable[..., TaskResult]:
    """Return a function that stores the result of a task as a backend does, and gives what is in the table."""

    def store(task_id: str, **columns: Any) -> TaskResult:
        values = {
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "result": '{"answer": 42}',
            "status": "SUCCESS",
            "task_name": "shop.tasks.charge",
            "task_args": '"(7, 8)"',
            "task_kwargs": '"{}"',
            "worker": "w1@host",
        }
        TaskResult.objects.store_result(**{**values, "task_id": task_id, **columns})
        row: TaskResult = TaskResult.objects.get(task_id=task_id)
        return row

    return store


@pytest.fixture
def task(store_task: Callable[..., TaskResult]) -> TaskResult:
    """Return one stored task result."""
    return store_task("task-1")


@pytest.fixture
def group(db: None) -> GroupResult:
    """Return one stored group result."""
    GroupResult.objects.store_group_result("application/json", "utf-8", "group-1", '[["group-1", null], []]')
    row: GroupResult = GroupResult.objects.get()
    return row
