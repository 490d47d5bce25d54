"""How a caller waits: pauses grow with the time waited, and end at the deadline."""

from __future__ import annotations

import time
from itertools import accumulate
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, states
from celery.exceptions import TimeoutError as CeleryTimeoutError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dcr_backends import waiting
from dcr_backends.database import DatabaseBackend


@pytest.fixture
def clock(monkeypatch: Any) -> list[float]:
    """Replace time by one that only sleeping moves; return the pauses."""
    pauses: list[float] = []
    monkeypatch.setattr(waiting.time, "sleep", pauses.append)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: sum(pauses))
    return pauses


def take(count: int, **arguments: Any) -> None:
    """Take so many steps of the iteration."""
    steps = waiting.naps(**arguments)
    for _ in range(count):
        next(steps)


def test_pauses_grow_up_to_the_interval(clock: list[float]) -> None:
    take(200, interval=0.5, timeout=None)
    assert clock[0] == waiting.FIRST_NAP
    assert clock == sorted(clock)
    assert clock[-1] == 0.5


@pytest.mark.parametrize(("after", "late"), [(0.020, 0.015), (0.200, 0.060), (1.0, 0.250)])
def test_a_result_is_noticed_soon(clock: list[float], after: float, late: float) -> None:
    take(200, interval=0.5, timeout=None)
    noticed = next(moment for moment in accumulate(clock) if moment >= after)
    assert noticed - after <= late


def test_a_short_interval_is_never_exceeded(clock: list[float]) -> None:
    take(50, interval=0.001, timeout=None)
    assert max(clock) == 0.001


def test_the_deadline_is_not_overslept(clock: list[float]) -> None:
    with pytest.raises(CeleryTimeoutError, match=r"0\.3 seconds"):
        take(1000, interval=0.5, timeout=0.3)
    assert sum(clock) == pytest.approx(0.3)


def test_a_timeout_of_zero_does_not_wait(clock: list[float]) -> None:
    with pytest.raises(CeleryTimeoutError):
        take(1, interval=0.5, timeout=0)
    assert clock == []


@pytest.mark.django_db
def test_on_interval_is_called_between_reads(app: Celery) -> None:
    task_id, calls = uuid4().hex, []

    def finish() -> None:
        calls.append(time.monotonic())
        if len(calls) == 3:
            app.backend.store_result(task_id, 1, states.SUCCESS)

    assert app.backend.wait_for(task_id, timeout=5, on_interval=finish)["result"] == 1
    assert len(calls) == 3


@pytest.mark.django_db
def test_a_timeout_of_zero_still_gives_what_is_there(app: Celery) -> None:
    task_id = uuid4().hex
    app.backend.store_result(task_id, 1, states.SUCCESS)
    assert app.AsyncResult(task_id).get(timeout=0) == 1


@pytest.mark.django_db
class TestGetMany:
    """Many results, each as soon as it is ready."""

    @pytest.fixture
    def backend(self, app: Celery) -> DatabaseBackend:
        return app.backend

    @pytest.fixture
    def ids(self, backend: DatabaseBackend) -> list[str]:
        """Return the ids of three tasks, the second of which has not finished."""
        ids = [uuid4().hex for _ in range(3)]
        backend.store_result(ids[0], 0, states.SUCCESS)
        backend.store_result(ids[1], None, states.STARTED)
        backend.store_result(ids[2], ValueError(2), states.FAILURE)
        return ids

    def test_yields_what_is_ready_in_the_order_given(self, backend: DatabaseBackend, ids: list[str]) -> None:
        found = list(backend.get_many(reversed(ids), max_iterations=1))
        assert [(task_id, meta["status"]) for task_id, meta in found] == [(ids[2], "FAILURE"), (ids[0], "SUCCESS")]

    def test_yields_before_it_waits(self, backend: DatabaseBackend, ids: list[str], clock: list[float]) -> None:
        results = backend.get_many(ids)
        assert [next(results)[0], next(results)[0]] == [ids[0], ids[2]]
        assert clock == []

    def test_waits_for_the_rest(self, backend: DatabaseBackend, ids: list[str], clock: list[float]) -> None:
        calls: list[int] = []

        def finish() -> None:
            calls.append(1)
            if len(calls) == 3:
                backend.store_result(ids[1], 1, states.SUCCESS)

        assert [task_id for task_id, _ in backend.get_many(ids, on_interval=finish)] == [ids[0], ids[2], ids[1]]
        assert len(clock) == 3

    @pytest.mark.parametrize("interval", [None, 0.5, 0.004])
    def test_interval_is_the_longest_pause(
        self, backend: DatabaseBackend, ids: list[str], clock: list[float], interval: float | None
    ) -> None:
        list(backend.get_many(ids, interval=interval, max_iterations=60))
        assert max(clock) == (interval or waiting.INTERVAL)

    @pytest.mark.parametrize("iterations", [1, 4])
    def test_max_iterations_gives_up_quietly(
        self,
        backend: DatabaseBackend,
        ids: list[str],
        clock: list[float],
        iterations: int,
        django_assert_num_queries: Any,
    ) -> None:
        with django_assert_num_queries(iterations):
            assert len(list(backend.get_many(ids, max_iterations=iterations))) == 2
        assert len(clock) == iterations - 1

    def test_timeout_is_for_all_of_them(self, backend: DatabaseBackend, ids: list[str], clock: list[float]) -> None:
        seen: list[Any] = []
        with pytest.raises(CeleryTimeoutError, match=r"0\.3 seconds"):
            list(backend.get_many(ids, timeout=0.3, on_message=seen.append))
        assert [meta["task_id"] for meta in seen] == [ids[0], ids[2]]
        assert sum(clock) == pytest.approx(0.3)

    def test_on_message_gets_each_meta(self, backend: DatabaseBackend, ids: list[str]) -> None:
        messages: list[Any] = []
        found = dict(backend.get_many(ids, on_message=messages.append, max_iterations=1))
        assert messages == list(found.values())

    def test_with_a_cache_they_are_read_once(self, app: Celery, ids: list[str], django_assert_num_queries: Any) -> None:
        app.conf.result_cache_max = 10
        backend = DatabaseBackend(app=app)
        list(backend.get_many(ids, max_iterations=1))
        with django_assert_num_queries(0):
            assert len(list(backend.get_many([ids[0], ids[2]]))) == 2

    def test_without_a_cache_they_are_read_again(
        self, app: Celery, ids: list[str], django_assert_num_queries: Any
    ) -> None:
        app.conf.result_cache_max = -1
        backend = DatabaseBackend(app=app)
        for _ in range(2):
            with django_assert_num_queries(1):
                assert len(list(backend.get_many([ids[0], ids[2]]))) == 2

    def test_a_cache_that_is_too_small(self, app: Celery, django_assert_num_queries: Any) -> None:
        app.conf.result_cache_max = 2
        backend = DatabaseBackend(app=app)
        ids = [uuid4().hex for _ in range(5)]
        for task_id in ids:
            backend.store_result(task_id, task_id, states.SUCCESS)
        with django_assert_num_queries(1):
            assert [meta["result"] for _, meta in backend.get_many(ids)] == ids

    def test_states_that_count_as_ready_are_the_callers(self, app: Celery, ids: list[str]) -> None:
        app.conf.result_cache_max = 10
        backend = DatabaseBackend(app=app)
        started = dict(backend.get_many([ids[1]], READY_STATES=frozenset({"STARTED"}), max_iterations=1))
        assert started[ids[1]]["status"] == "STARTED"
        backend.store_result(ids[1], 1, states.SUCCESS)
        assert dict(backend.get_many([ids[1]], max_iterations=1))[ids[1]]["result"] == 1

    def test_of_nothing(self, backend: DatabaseBackend, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            assert list(backend.get_many([])) == []

    def test_ids_that_are_given_twice(self, backend: DatabaseBackend, ids: list[str]) -> None:
        assert [task_id for task_id, _ in backend.get_many([ids[0], ids[0]])] == [ids[0]]


@pytest.mark.django_db
class TestWaitFor:
    def test_interval_of_none_is_celerys(self, app: Celery, clock: list[float]) -> None:
        with pytest.raises(CeleryTimeoutError):
            app.backend.wait_for(uuid4().hex, timeout=60, interval=None)
        assert max(clock) == waiting.INTERVAL == 0.5

    def test_each_pause_is_one_read(self, app: Celery, clock: list[float]) -> None:
        result = app.AsyncResult(uuid4().hex)
        app.backend.store_result(result.id, None, states.STARTED)
        with CaptureQueriesContext(connection) as captured, pytest.raises(CeleryTimeoutError):
            result.get(timeout=1)
        assert len(captured) == len(clock) + 1

    def test_one_long_task_costs_few_reads(self, app: Celery, clock: list[float]) -> None:
        """Pauses grow by a fifth of the time waited."""
        with pytest.raises(CeleryTimeoutError):
            app.backend.wait_for(uuid4().hex, timeout=10)
        assert len(clock) < 50

    def test_eager_mode_has_nobody_to_wait_for(self, app: Celery) -> None:
        app.conf.task_always_eager = True
        task_id = uuid4().hex
        app.backend.store_result(task_id, 1, states.SUCCESS)
        with pytest.warns(RuntimeWarning, match="task_always_eager"):
            assert app.backend.wait_for(task_id)["result"] == 1
        with pytest.warns(RuntimeWarning, match="task_always_eager"):
            assert len(list(app.backend.get_many([task_id]))) == 1
