"""The action that terminates tasks: who may run it, what workers receive, what the user reads."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
from celery import Celery
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dcr_admin.admin import TaskResultAdmin
from dcr_models.models import TaskResult

URL = "admin:django_celery_results_taskresult_changelist"


@pytest.fixture
def broadcasts(celery_app: Celery) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return a function that gives what a worker of the current app has received from remote control."""
    received: list[dict[str, Any]] = []
    with celery_app.connection_for_read() as connection, connection.channel() as channel:
        mailbox = celery_app.control.mailbox.Node("worker@tests", channel=channel)
        consumer = mailbox.Consumer(callbacks=[lambda body, message: received.append(body)], no_ack=True)

        def drain() -> list[dict[str, Any]]:
            with suppress(socket.timeout):
                while True:
                    connection.drain_events(timeout=0.1)
            return received

        with consumer:
            yield drain


def run(client: Client, *rows: TaskResult, **form: Any) -> Any:
    """Post the action for the rows; return the page that follows."""
    form = {"action": "terminate_task", "_selected_action": [row.pk for row in rows], **form}
    return client.post(reverse(URL), form, follow=True)


def said(response: Any) -> list[tuple[int, str]]:
    """Return level and text of the messages on the page."""
    return [(message.level, message.message) for message in response.context["messages"]]


def test_workers_receive_all_ids_in_one_broadcast(
    admin_client: Client,
    store_task: Callable[..., TaskResult],
    broadcasts: Callable[[], list[dict[str, Any]]],
) -> None:
    rows = [store_task(task_id, status="STARTED") for task_id in ("a", "b", "c")]
    response = run(admin_client, *rows[:2])
    assert said(response) == [(messages.SUCCESS, "2 task(s) was terminated successfully.")]
    (broadcast,) = broadcasts()
    assert broadcast["method"] == "revoke"
    assert sorted(broadcast["arguments"]["task_id"]) == ["a", "b"]
    assert broadcast["arguments"]["terminate"] is True
    assert not broadcast["destination"]


def test_everything_that_matches_the_filters_can_be_selected(
    admin_client: Client,
    store_task: Callable[..., TaskResult],
    broadcasts: Callable[[], list[dict[str, Any]]],
) -> None:
    rows = [store_task(task_id, status="STARTED") for task_id in ("a", "b")]
    store_task("c")
    form = {"action": "terminate_task", "_selected_action": [rows[0].pk], "select_across": "1"}
    response = admin_client.post(f"{reverse(URL)}?status__exact=STARTED", form, follow=True)
    assert said(response) == [(messages.SUCCESS, "2 task(s) was terminated successfully.")]
    (broadcast,) = broadcasts()
    assert sorted(broadcast["arguments"]["task_id"]) == ["a", "b"]


def test_rows_stay_as_they_are(
    admin_client: Client, task: TaskResult, broadcasts: Callable[[], list[dict[str, Any]]]
) -> None:
    before = TaskResult.objects.values().get()
    run(admin_client, task)
    assert TaskResult.objects.values().get() == before
    assert len(broadcasts()) == 1


def test_the_user_reads_why_a_broker_refused(
    admin_client: Client, task: TaskResult, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Celery("broken", set_as_current=False, broker="nonesuch://")
    monkeypatch.setattr("dcr_admin.admin.celery_app", broken)
    ((level, text),) = said(run(admin_client, task))
    assert level == messages.ERROR
    assert text.startswith("Error while terminating tasks: ")
    assert "nonesuch" in text
    (record,) = [record for record in caplog.records if record.name == "dcr_admin.actions"]
    assert record.exc_info


@pytest.mark.parametrize(
    ("codenames", "status", "offered"),
    [
        (["view_taskresult"], 200, False),
        (["view_taskresult", "add_taskresult", "delete_taskresult"], 200, False),
        (["view_taskresult", "change_groupresult", "change_taskresultproxy"], 200, False),
        (["change_taskresult"], 200, True),
        (["view_taskresult", "change_taskresult"], 200, True),
        (["add_taskresult"], 403, False),
        (["delete_taskresult"], 403, False),
        ([], 403, False),
    ],
)
def test_only_users_who_may_change_results_are_offered_it_and_can_run_it(
    staff: Callable[..., User],
    client_of: Callable[..., Client],
    task: TaskResult,
    broadcasts: Callable[[], list[dict[str, Any]]],
    *,
    codenames: list[str],
    status: int,
    offered: bool,
) -> None:
    client = client_of(staff(*codenames))
    page = client.get(reverse(URL))
    assert page.status_code == status
    assert ('<option value="terminate_task">Terminate selected tasks</option>' in page.content.decode()) is offered
    assert run(client, task).status_code == status
    assert len(broadcasts()) == int(offered)


@pytest.mark.parametrize("fields", [{"is_staff": False}, {"is_active": False}])
def test_who_cannot_enter_the_admin_cannot_run_it(
    staff: Callable[..., User],
    client_of: Callable[..., Client],
    task: TaskResult,
    broadcasts: Callable[[], list[dict[str, Any]]],
    fields: dict[str, bool],
) -> None:
    for client in (client_of(staff("change_taskresult", **fields)), Client()):
        response = client.post(reverse(URL), {"action": "terminate_task", "_selected_action": [task.pk]})
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("admin:login"))
    assert broadcasts() == []


class TestInterface:
    """What projects and their tests do with the method."""

    def test_the_apps_stand_in_is_called_once_with_the_list_of_ids(
        self, store_task: Callable[..., TaskResult], rf: Any
    ) -> None:
        for task_id in ("a", "b"):
            store_task(task_id)
        model_admin = TaskResultAdmin(TaskResult, admin.site)
        with (
            mock.patch("dcr_admin.admin.celery_app") as app,
            mock.patch.object(model_admin, "message_user") as message_user,
        ):
            request = rf.post("/")
            model_admin.terminate_task(request, TaskResult.objects.order_by("task_id"))
        app.control.terminate.assert_called_once_with(["a", "b"])
        message_user.assert_called_once_with(request, "2 task(s) was terminated successfully.", messages.SUCCESS)

    def test_an_error_of_the_apps_stand_in_is_told(self, task: TaskResult, rf: Any) -> None:
        model_admin = TaskResultAdmin(TaskResult, admin.site)
        with (
            mock.patch("dcr_admin.admin.celery_app") as app,
            mock.patch.object(model_admin, "message_user") as message_user,
        ):
            app.control.terminate.side_effect = OSError("no route")
            request = rf.post("/")
            model_admin.terminate_task(request, TaskResult.objects.all())
        message_user.assert_called_once_with(request, "Error while terminating tasks: no route", messages.ERROR)

    def test_a_subclass_can_override_it(
        self, task: TaskResult, broadcasts: Callable[[], list[dict[str, Any]]], rf: Any
    ) -> None:
        class Subclass(TaskResultAdmin):
            asked = 0

            def terminate_task(self, request: Any, queryset: Any) -> None:
                type(self).asked += queryset.count()
                super().terminate_task(request, queryset.none())

            def message_user(self, request: Any, message: Any, *args: Any, **kwargs: Any) -> None:
                assert message == "0 task(s) was terminated successfully."

        Subclass(TaskResult, admin.site).terminate_task(rf.post("/"), TaskResult.objects.all())
        assert Subclass.asked == 1
        assert broadcasts()[0]["arguments"]["task_id"] == []
