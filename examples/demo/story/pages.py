"""What the project's URLs answer, asked without a server."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from . import console
from .expectations import Expectations
from .scenes import Scenes

#: Characters of a long value that are enough to recognise it.
VALUE_CHARACTERS = 70


def visit(scenes: Scenes, expect: Expectations) -> None:
    """Ask for tasks and the group as JSON, and for the admin's lists; compare the answers."""
    client = Client(SERVER_NAME="127.0.0.1")
    done, failed = scenes.stored[0], scenes.stored[1]

    task = _get_json(client, reverse("celery-task_status", args=[done.task_id]), expect)
    expect.equal("JSON of a task", task, {"task": {"id": done.task_id, "status": "SUCCESS", "result": done.result}})

    task = _get_json(client, reverse("celery-task_status", args=[failed.task_id]), expect)["task"]
    expect.equal("state in the JSON of a failed task", task["status"], "FAILURE")
    expect.equal("exception in the JSON of a failed task", task["exc"], "shop.tasks.PaymentError")

    group = scenes.saved_group
    answer = _get_json(client, reverse("celery-is_group_successful", args=[group.id]), expect)
    members = [{"id": member.id, "executed": True} for member in group.results]
    expect.equal("JSON of a group", answer, {"group": {"id": group.id, "results": members}})

    client.force_login(User.objects.get(is_superuser=True))
    for url, ids in (
        (reverse("admin:django_celery_results_taskresult_changelist"), [stored.task_id for stored in scenes.stored]),
        (reverse("admin:django_celery_results_groupresult_changelist"), [group.id]),
    ):
        response = client.get(url)
        page = response.content.decode()
        missing = [row_id for row_id in ids if row_id not in page]
        console.line(f"GET {url}  {response.status_code}, lists {len(ids) - len(missing)} of {len(ids)}")
        expect.equal(f"status of {url}", response.status_code, 200)
        expect.equal(f"ids that are not on {url}", missing, [])


def _get_json(client: Client, url: str, expect: Expectations) -> dict[str, Any]:
    response = client.get(url)
    answer: dict[str, Any] = response.json()
    console.line(f"GET {url}  {response.status_code}")
    for key, value in _flat(answer):
        console.line(console.colour(f"    {key}: ", "grey") + console.shorten(json.dumps(value), VALUE_CHARACTERS))
    expect.equal(f"status of {url}", response.status_code, 200)
    return answer


def _flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return the values of nested dicts under dotted keys."""
    if not isinstance(value, dict):
        return [(path, value)]
    return [pair for key, inner in value.items() for pair in _flat(inner, f"{path}.{key}" if path else key)]
