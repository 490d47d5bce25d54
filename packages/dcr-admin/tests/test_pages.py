"""List, detail, history and deletion, for rows as odd as they come."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from pytest_django import Settings

from dcr_models.models import GroupResult, TaskResult

LIST = "admin:django_celery_results_taskresult_changelist"
DETAIL = "admin:django_celery_results_taskresult_change"


class Trap:
    """A value that leaves a file behind where its pickle is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def shown(client: Client, name: str, *args: Any, **query: str) -> str:
    """Return the page, which must answer with 200."""
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.usefixtures("task", "group")
class TestLists:
    """The two lists."""

    def test_columns(self, admin_client: Client) -> None:
        page = shown(admin_client, LIST)
        for text in ("task-1", "shop.tasks.charge", "SUCCESS", "w1@host"):
            assert text in page
        assert "group-1" in shown(admin_client, "admin:django_celery_results_groupresult_changelist")

    @pytest.mark.parametrize("words", ["shop.tasks", "task-2", "failure", "blue"])
    def test_search(self, admin_client: Client, store_task: Callable[..., TaskResult], words: str) -> None:
        store_task("task-2", task_name="shop.tasks.refund", status="FAILURE", task_kwargs="\"{'colour': 'blue'}\"")
        page = shown(admin_client, LIST, q=words)
        assert "task-2" in page
        assert ("task-1" in page) == (words == "shop.tasks")

    def test_filters(self, admin_client: Client, store_task: Callable[..., TaskResult]) -> None:
        store_task("task-2", status="FAILURE", periodic_task_name="nightly")
        for query in ({"status__exact": "FAILURE"}, {"periodic_task_name": "nightly"}):
            page = shown(admin_client, LIST, **query)
            assert "task-2" in page
            assert "task-1" not in page

    def test_the_number_of_statements_does_not_grow_with_the_rows(
        self, admin_client: Client, store_task: Callable[..., TaskResult]
    ) -> None:
        counts = []
        for start, stop in ((2, 6), (6, 51)):
            for number in range(start, stop):
                store_task(f"task-{number}")
                GroupResult.objects.store_group_result("application/json", "utf-8", f"group-{number}", "[]")
            with CaptureQueriesContext(connection) as statements:
                assert shown(admin_client, LIST).count('class="field-task_id"') == stop - 1
                shown(admin_client, "admin:django_celery_results_groupresult_changelist")
            counts.append(len(statements))
        assert counts[0] == counts[1]


class TestOddRows:
    """No stored text breaks a page."""

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("before\x00after", id="NUL"),
            pytest.param("\x01\x1b[31m\x7f\ufffe\u202e", id="control characters"),
            pytest.param("x" * 1_000_000, id="very long"),
            pytest.param("Ωραία 資料 🦆 ñandú", id="not ASCII"),
            pytest.param("{{ csrf_token }} %s %(x)s {% now %}", id="templates"),
            pytest.param("", id="empty"),
        ],
    )
    def test_text(self, admin_client: Client, store_task: Callable[..., TaskResult], text: str) -> None:
        columns = ("result", "task_args", "task_kwargs", "traceback", "meta", "task_name", "worker")
        row = store_task("odd", status="FAILURE", **dict.fromkeys(columns, text))
        shown(admin_client, LIST)
        assert escape(row.result) in shown(admin_client, DETAIL, row.pk)

    def test_markup_is_escaped(self, admin_client: Client, store_task: Callable[..., TaskResult]) -> None:
        markup = "<script>alert(1)</script>"
        row = store_task(markup, task_name=markup, result=markup, traceback=markup, worker=markup)
        assert markup not in shown(admin_client, LIST)
        assert markup not in shown(admin_client, DETAIL, row.pk)

    def test_nothing_stored_but_the_state(self, admin_client: Client) -> None:
        row = TaskResult.objects.create(task_id="bare")
        assert "bare" in shown(admin_client, LIST)
        assert "PENDING" in shown(admin_client, DETAIL, row.pk)

    @pytest.mark.parametrize(
        ("content_type", "content_encoding", "text"),
        [
            ("application/json", "utf-8", "{not json"),
            ("application/x-python-serialize", "binary", "bm90IGEgcGlja2xl"),
            ("application/x-python-serialize", "binary", "!not base64!"),
            ("application/x-unheard-of", "koi8-zz", "?"),
            ("", "", ""),
        ],
    )
    def test_a_value_that_cannot_be_decoded(
        self,
        admin_client: Client,
        store_task: Callable[..., TaskResult],
        content_type: str,
        content_encoding: str,
        text: str,
    ) -> None:
        how = {"content_type": content_type, "content_encoding": content_encoding}
        row = store_task("odd", result=text, meta=text, **how)
        group = GroupResult.objects.store_group_result(group_id="odd", result=text, **how)
        assert "odd" in shown(admin_client, LIST)
        assert text in shown(admin_client, DETAIL, row.pk)
        assert text in shown(admin_client, "admin:django_celery_results_groupresult_change", group.pk)

    def test_pickles_are_never_loaded(
        self, admin_client: Client, store_task: Callable[..., TaskResult], tmp_path: Path
    ) -> None:
        loaded = tmp_path / "loaded"
        text = base64.b64encode(pickle.dumps(Trap(loaded))).decode()
        how = {"content_type": "application/x-python-serialize", "content_encoding": "binary"}
        row = store_task("trap", result=text, meta=text, task_args=text, task_kwargs=text, **how)
        shown(admin_client, LIST)
        assert text in shown(admin_client, DETAIL, row.pk)
        assert not loaded.exists()
        pickle.loads(base64.b64decode(text))
        assert loaded.exists()


class TestHistoryAndDeletion:
    """Django's other pages."""

    def test_history_names_an_edit(self, admin_client: Client, settings: Settings, group: GroupResult) -> None:
        history = "admin:django_celery_results_groupresult_history"
        assert "Changed" not in shown(admin_client, history, group.pk)
        settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": True}
        values = {"group_id": "renamed", "content_type": "application/json", "content_encoding": "utf-8"}
        admin_client.post(reverse("admin:django_celery_results_groupresult_change", args=[group.pk]), values)
        assert "Changed Group ID" in shown(admin_client, history, group.pk)

    def test_task_history_answers(self, admin_client: Client, task: TaskResult) -> None:
        assert "task-1" in shown(admin_client, "admin:django_celery_results_taskresult_history", task.pk)

    @pytest.mark.parametrize("kind", ["task", "group"])
    def test_deletion_needs_its_permission(
        self, request: pytest.FixtureRequest, staff: Callable[..., User], client_of: Callable[..., Client], kind: str
    ) -> None:
        row = request.getfixturevalue(kind)
        url = reverse(f"admin:django_celery_results_{kind}result_delete", args=[row.pk])
        viewer = client_of(staff(f"view_{kind}result", f"change_{kind}result"))
        assert viewer.post(url, {"post": "yes"}).status_code == 403
        assert type(row).objects.exists()

        remover = client_of(staff(f"view_{kind}result", f"delete_{kind}result"))
        assert "Are you sure" in remover.get(url).content.decode()
        assert remover.post(url, {"post": "yes"}).status_code == 302
        assert not type(row).objects.exists()

    def test_selected_rows_can_be_deleted(self, admin_client: Client, task: TaskResult) -> None:
        form = {"action": "delete_selected", "_selected_action": [task.pk], "post": "yes"}
        assert admin_client.post(reverse(LIST), form).status_code == 302
        assert not TaskResult.objects.exists()
