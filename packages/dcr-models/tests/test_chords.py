"""The counter never lies in the dangerous direction, and one caller only gets a finished chord."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult
from celery.result import GroupResult as CeleryGroupResult
from celery.utils import uuid
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dcr_models.models import ChordCounter, TaskResult
from dcr_models.queries import chords
from dcr_testkit.userland.models import TenantTaskResult

Store = Callable[..., Any]

pytestmark = pytest.mark.django_db


def start(header: Iterable[Any], count: int) -> str:
    """Create the counter of a chord with the given results as its header; return its group id."""
    group_id = uuid()
    sub_tasks = json.dumps([result.as_tuple() for result in header])
    ChordCounter.objects.start(group_id=group_id, sub_tasks=sub_tasks, count=count)
    return group_id


def claim(group_id: str, task_model: Any = TaskResult) -> Any:
    return ChordCounter.objects.claim_finished(group_id, task_model=task_model)


def count(group_id: str) -> int:
    return int(ChordCounter.objects.values_list("count", flat=True).get(group_id=group_id))


@pytest.fixture
def header(celery_app: Celery) -> list[AsyncResult[Any]]:
    """Return the results of three tasks that have not returned."""
    return [celery_app.AsyncResult(uuid()) for _ in range(3)]


@pytest.fixture(params=["the vendor's statement", "portable"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Count with the vendor's statement, and as a database does that has none."""
    if request.param == "portable":
        if connection.vendor != "sqlite":
            pytest.skip("always has a statement; SQLite has one since 3.35")
        monkeypatch.setattr(connection.features, "can_return_columns_from_insert", False)
    return str(request.param)


@pytest.mark.usefixtures("way")
class TestCountPart:
    def test_returns_how_many_are_left(self) -> None:
        group_id = start([], count=2)
        assert [ChordCounter.objects.count_part(group_id) for _ in range(2)] == [1, 0]
        assert count(group_id) == 0

    def test_stops_at_zero(self) -> None:
        group_id = start([], count=1)
        assert [ChordCounter.objects.count_part(group_id) for _ in range(3)] == [0, 0, 0]
        assert count(group_id) == 0

    def test_returns_none_without_a_counter(self) -> None:
        other = start([], count=2)
        assert ChordCounter.objects.count_part(uuid()) is None
        assert count(other) == 2

    def test_does_not_read_the_header(self) -> None:
        group_id = start([], count=2)
        with CaptureQueriesContext(connection) as context:
            ChordCounter.objects.count_part(group_id)
        assert not [query["sql"] for query in context if "sub_tasks" in query["sql"]]


def test_counting_takes_one_statement(django_assert_num_queries: Any) -> None:
    group_id = start([], count=2)
    with django_assert_num_queries(1):
        ChordCounter.objects.count_part(group_id)
    with django_assert_num_queries(1):
        ChordCounter.objects.count_part(uuid())


class TestClaimFinished:
    @pytest.mark.parametrize("state", ["SUCCESS", "FAILURE", "REVOKED"])
    def test_gives_the_counter_to_one_caller(self, state: str, header: list[AsyncResult[Any]], store: Store) -> None:
        group_id = start(header, count=0)
        for member in header:
            store(member.id, state)
        counter = claim(group_id)
        assert isinstance(counter, ChordCounter)
        assert counter.group_result() == CeleryGroupResult(group_id, header)
        assert not ChordCounter.objects.exists()
        assert claim(group_id) is None

    def test_leaves_a_chord_that_counts(self, header: list[AsyncResult[Any]], store: Store) -> None:
        group_id = start(header, count=1)
        for member in header:
            store(member.id)
        assert claim(group_id) is None
        assert count(group_id) == 1

    def test_knows_no_counter(self) -> None:
        assert claim(uuid()) is None

    @pytest.mark.parametrize("state", [None, "PENDING", "STARTED", "RETRY", "PROGRESS"])
    def test_counts_anew_where_zero_came_early(
        self, state: str | None, header: list[AsyncResult[Any]], store: Store
    ) -> None:
        """As after a part that was delivered twice."""
        group_id = start(header, count=0)
        store(header[0].id, "SUCCESS")
        for member in header[1:] if state else []:
            store(member.id, state)
        assert claim(group_id) is None
        assert count(group_id) == 2

    def test_leaves_other_chords_alone(self, header: list[AsyncResult[Any]], store: Store) -> None:
        other = start(header, count=0)
        finished = start(header[:1], count=0)
        store(header[0].id)
        assert claim(finished) is not None
        assert ChordCounter.objects.get().group_id == other

    def test_looks_into_nested_groups(self, header: list[AsyncResult[Any]], store: Store) -> None:
        first, second, third = header
        nested = CeleryGroupResult(uuid(), [second, CeleryGroupResult(uuid(), [third])])
        group_id = start([first, nested], count=0)
        store(first.id)
        store(nested.id)  # a group's id is no task's
        assert claim(group_id) is None
        assert count(group_id) == 2
        store(second.id)
        store(third.id)
        ChordCounter.objects.update(count=0)
        assert claim(group_id).group_result().results == [first, nested]

    def test_asks_the_model_that_holds_the_results(self, header: list[AsyncResult[Any]], store: Store) -> None:
        group_id = start(header, count=0)
        for member in header:
            store(member.id, manager=TenantTaskResult.objects)
        assert claim(group_id) is None
        assert count(group_id) == 3
        ChordCounter.objects.update(count=0)
        assert claim(group_id, TenantTaskResult) is not None

    def test_an_empty_chord_is_finished(self) -> None:
        assert claim(start([], count=0)) is not None


class TestCountUnready:
    @pytest.fixture(autouse=True)
    def small_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ask for two ids at a time; the ready states are parameters, too."""
        monkeypatch.setattr(chords, "MAX_IDS", 5)

    def count_unready(self, ids: list[str]) -> int:
        return chords.count_unready(TaskResult, ids, "default")

    def test_adds_the_chunks_up(self, store: Store, django_assert_num_queries: Any) -> None:
        ids = [uuid() for _ in range(5)]
        for task_id in ids[1:4]:
            store(task_id)
        with django_assert_num_queries(3):
            assert self.count_unready(ids) == 2

    def test_counts_an_id_once(self, store: Store) -> None:
        ready, unready = uuid(), uuid()
        store(ready)
        assert self.count_unready([ready, unready, ready, unready, ready, unready]) == 1

    def test_knows_nothing_of_no_ids(self) -> None:
        assert self.count_unready([]) == 0
