"""One caller only gets a finished chord; an unfinished one is counted anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery.result import GroupResult as CeleryGroupResult
from celery.utils import uuid
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from dcr_models.codec import Encoded
from dcr_models.managers import TaskResultManager
from dcr_models.models import ChordCounter, TaskResult
from dcr_models.queries.chords import Claim
from dcr_testkit.userland.models import TenantTaskResult

Header = list[Any]  # of AsyncResult
Start = Callable[..., str]
Store = Callable[..., Any]
Counter = Callable[[str], Any]

LEASE = timedelta(minutes=1)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("way")]


def claim(group_id: str, token: str = "me", *, tasks: Any = None, **options: Any) -> Any:
    return ChordCounter.objects.claim(group_id, token=token, lease=LEASE, tasks=tasks or TaskResult.objects, **options)


class TestAFinishedChord:
    @pytest.mark.parametrize("state", ["SUCCESS", "FAILURE", "REVOKED"])
    def test_is_given_to_one_caller(
        self, state: str, header: Header, start: Start, store: Store, counter: Counter
    ) -> None:
        group_id = start(header)
        for member in header:
            store(member.id, state)
        claimed = claim(group_id)
        assert isinstance(claimed, Claim)
        assert (claimed.group_id, claimed.token, claimed.unready) == (group_id, "me", [])
        assert {task_id: row.status for task_id, row in claimed.tasks.items()} == {m.id: state for m in header}
        assert [claim(group_id, token) for token in ("other", "another")] == [None, None]
        assert counter(group_id).claimed_by == "me"

    def test_comes_with_its_header(self, finished: str, header: Header, counter: Counter) -> None:
        claimed = claim(finished)
        row = counter(finished)
        assert claimed.pk == row.pk
        assert claimed.members == json.loads(row.sub_tasks) == [[[member.id, None], None] for member in header]
        assert row.group_result() == CeleryGroupResult(finished, header)

    def test_comes_with_its_body(self, start: Start) -> None:
        with_body, without = start([], body=Encoded("a/b", "binary", "e30=")), start([])
        assert claim(with_body).body == ("a/b", "binary", "e30=")
        assert claim(without).body is None

    def test_comes_with_its_results(self, start: Start, header: Header, store: Store) -> None:
        for number, member in enumerate(header):
            store(member.id, result=str(number), traceback="Traceback", task_args="()", task_kwargs="{}", meta="null")
        tasks = claim(start(header)).tasks
        assert [tasks[member.id].result for member in header] == ["0", "1", "2"]
        assert tasks[header[0].id].as_dict() == TaskResult.objects.get(task_id=header[0].id).as_dict()

    def test_may_come_without_them(self, start: Start, header: Header, store: Store) -> None:
        for member in header:
            store(member.id, traceback="Traceback", task_args="()", task_kwargs="{}", meta='{"children": []}')
        with CaptureQueriesContext(connection) as context:
            tasks = claim(start(header), values=False).tasks
        large = ("result", "traceback", "task_args", "task_kwargs")
        assert {getattr(row, name) for row in tasks.values() for name in large} == {None}
        assert {(row.status, row.meta) for row in tasks.values()} == {("SUCCESS", '{"children": []}')}
        (reading,) = [query["sql"] for query in context if "meta" in query["sql"]]
        assert connection.ops.quote_name("status") in reading
        assert not [name for name in large if connection.ops.quote_name(name) in reading]

    def test_is_known_by_its_rows(self, start: Start, header: Header, store: Store, counter: Counter) -> None:
        """A sweep has to find it where the last part was stored, and never counted."""
        for member in header:
            store(member.id)
        group_id = start(header, count=1)
        assert claim(group_id) is not None
        assert counter(group_id).count == 1

    def test_may_be_empty(self, start: Start) -> None:
        claimed = claim(start([]))
        assert (claimed.members, claimed.tasks, claimed.unready) == ([], {}, [])

    def test_leaves_other_chords_alone(self, finished: str, start: Start, header: Header) -> None:
        other = start(header, count=3)
        before = ChordCounter.objects.values().get(group_id=other)
        assert claim(finished) is not None
        assert ChordCounter.objects.values().get(group_id=other) == before

    def test_has_its_results_in_the_model_that_is_asked(self, start: Start, header: Header, store: Store) -> None:
        group_id = start(header)
        for member in header:
            store(member.id, manager=TenantTaskResult.objects)
        assert claim(group_id) is None
        assert claim(group_id, tasks=TenantTaskResult.objects).tasks.keys() == {member.id for member in header}


class TestAnUnfinishedChord:
    @pytest.mark.parametrize("state", [None, "PENDING", "STARTED", "RETRY", "PROGRESS", "Success"])
    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_is_counted_anew(
        self, state: str | None, count: int, header: Header, start: Start, store: Store, counter: Counter
    ) -> None:
        """As after a part that was delivered twice."""
        group_id = start(header, count=count)
        store(header[0].id, "SUCCESS")
        for member in header[1:] if state else []:
            store(member.id, state)
        assert claim(group_id) is None
        row = counter(group_id)
        assert (row.count, row.claimed_by, row.claimed_at) == (2, None, None)

    def test_can_be_claimed_when_it_is_finished(
        self, header: Header, start: Start, store: Store, counter: Counter
    ) -> None:
        group_id = start(header)
        assert claim(group_id) is None
        for left, member in zip((2, 1, 0), header, strict=True):
            store(member.id)
            assert ChordCounter.objects.count_part(group_id) == left
        assert claim(group_id, "other") is not None

    def test_may_have_nested_groups(self, header: Header, start: Start, store: Store, counter: Counter) -> None:
        first, second, third = header
        nested = CeleryGroupResult(uuid(), [second, CeleryGroupResult(uuid(), [third])])
        group_id = start([first, nested])
        store(first.id)
        store(nested.id)  # a group's id is no task's
        assert claim(group_id) is None
        assert counter(group_id).count == 2
        store(second.id)
        store(third.id)
        assert claim(group_id).tasks.keys() == {first.id, second.id, third.id}
        assert counter(group_id).group_result().results == [first, nested]

    def test_counts_a_task_once(self, header: Header, start: Start, counter: Counter) -> None:
        """Never more than return: the last return has to see zero."""
        group_id = start([header[0], header[1], CeleryGroupResult(uuid(), [header[0]])])
        assert claim(group_id) is None
        assert counter(group_id).count == 2

    def test_is_taken_although_unready_where_that_is_asked_for(
        self, header: Header, start: Start, store: Store, counter: Counter
    ) -> None:
        group_id = start(header, count=3)
        store(header[0].id)
        store(header[2].id, "STARTED")
        claimed = claim(group_id, values=False, although_unready=True)
        assert claimed.unready == [header[1].id, header[2].id]
        assert {task_id: row.status for task_id, row in claimed.tasks.items()} == {
            header[0].id: "SUCCESS",
            header[2].id: "STARTED",
        }
        assert (counter(group_id).claimed_by, counter(group_id).count) == ("me", 3)
        assert claim(group_id, "other", although_unready=True) is None

    def test_needs_a_counter(self) -> None:
        assert claim(uuid()) is None
        assert claim(uuid(), although_unready=True) is None

    def test_is_not_claimed_by_one_who_cannot_read_the_results(
        self, finished: str, counter: Counter, own_proxy: Any
    ) -> None:
        class Away(TaskResultManager):
            def get_task(self, task_id: str) -> Any:
                raise OperationalError("the results are away")

        with pytest.raises(OperationalError, match="away"):
            claim(finished, tasks=own_proxy(Away()).objects)
        assert (counter(finished).claimed_by, counter(finished).claimed_at) == (None, None)
        assert claim(finished, "other") is not None
