"""Restored groups and joins: a bounded number of statements for any number of members."""

from __future__ import annotations

import pickle
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, states
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery.result import AsyncResult, GroupResult

from dcr_backends.groups import StoredGroupResult, leaves
from dcr_models.models import TaskResult

pytestmark = pytest.mark.django_db


def stored(app: Celery, value: Any, state: str = states.SUCCESS) -> AsyncResult:
    """Store a result and return the handle of a process that knows nothing of it."""
    result = AsyncResult(uuid4().hex, app=app)
    app.backend.store_result(result.id, value, state)
    return result


def unknown(app: Celery) -> AsyncResult:
    """Return the handle of a task that nothing is stored of."""
    return AsyncResult(uuid4().hex, app=app)


def saved(app: Celery, members: list[Any]) -> StoredGroupResult:
    """Save a group and restore it."""
    group = GroupResult(uuid4().hex, members, app=app)
    group.save()
    app.backend._cache.clear()
    restored = GroupResult.restore(group.id, app=app)
    assert isinstance(restored, StoredGroupResult)
    return restored


class TestStatements:
    """How many statements a group of any size costs."""

    @pytest.mark.parametrize("size", [2, 300])
    def test_get_of_a_restored_group(self, app: Celery, size: int, django_assert_num_queries: Any) -> None:
        group = saved(app, [stored(app, number) for number in range(size)])
        with django_assert_num_queries(2):
            restored = GroupResult.restore(group.id, app=app, backend=type(app.backend)(app=app))
            assert restored.get(timeout=1) == list(range(size))

    @pytest.mark.parametrize("size", [2, 300])
    def test_questions_when_all_are_done(self, app: Celery, size: int, django_assert_num_queries: Any) -> None:
        group = saved(app, [stored(app, number) for number in range(size)])
        with django_assert_num_queries(1):
            assert group.ready()
            assert group.successful()
            assert group.completed_count() == size
            assert not group.failed()
            assert not group.waiting()
            assert group.get(timeout=1) == list(range(size))

    def test_questions_when_some_are_not_done(self, app: Celery, django_assert_num_queries: Any) -> None:
        group = saved(app, [*(stored(app, number) for number in range(50)), unknown(app), stored(app, 0, "STARTED")])
        with django_assert_num_queries(3):
            assert not group.ready()
            assert group.completed_count() == 50
            assert not group.successful()

    def test_nested_groups_are_read_together(self, app: Celery, django_assert_num_queries: Any) -> None:
        inner = GroupResult(uuid4().hex, [stored(app, 2), stored(app, 3)], app=app)
        innermost = GroupResult(uuid4().hex, [stored(app, 5)], app=app)
        middle = GroupResult(uuid4().hex, [stored(app, 4), innermost], app=app)
        group = saved(app, [stored(app, 1), inner, middle])
        with django_assert_num_queries(1):
            assert group.ready()
            assert group.completed_count() == 3
        assert [leaf.result for leaf in leaves(group.results)] == [1, 2, 3, 4, 5]

    def test_join_of_a_group_with_nested_ones(self, app: Celery, django_assert_num_queries: Any) -> None:
        inner = GroupResult(uuid4().hex, [stored(app, 2), stored(app, 3)], app=app)
        group = saved(app, [stored(app, 1), inner])
        with django_assert_num_queries(1):
            assert group.get(timeout=1) == [1, [2, 3]]

    def test_ids_are_read_in_chunks(self, app: Celery, monkeypatch: Any, django_assert_num_queries: Any) -> None:
        monkeypatch.setattr("dcr_models.queries.reading.MAX_IDS", 10)
        group = saved(app, [stored(app, number) for number in range(25)])
        with django_assert_num_queries(3):
            assert group.get(timeout=1) == list(range(25))


class TestAnswers:
    """What a restored group says, beside what Celery's own would say."""

    @pytest.fixture
    def mixed(self, app: Celery) -> StoredGroupResult:
        finished = [stored(app, 1), stored(app, ValueError("no"), states.FAILURE)]
        members = [*finished, unknown(app), stored(app, "", "RETRY")]
        return saved(app, [*members, GroupResult(uuid4().hex, [stored(app, 1), unknown(app)], app=app)])

    @pytest.mark.parametrize("question", ["ready", "waiting", "successful", "failed", "completed_count"])
    def test_is_that_of_celery(self, question: str, app: Celery, mixed: StoredGroupResult) -> None:
        celerys = GroupResult(mixed.id, mixed.results, app=app)
        assert getattr(mixed, question)() == getattr(celerys, question)()

    def test_revoked_member_is_not_failed(self, app: Celery) -> None:
        group = saved(app, [stored(app, Exception("revoked"), states.REVOKED)])
        assert not group.failed()
        assert group.ready()
        assert not group.successful()

    def test_empty_group_answers_as_celery(self, app: Celery) -> None:
        group = StoredGroupResult.over(GroupResult(uuid4().hex, [], app=app), app.backend)
        assert group.ready()
        assert group.successful()
        assert group.completed_count() == 0

    def test_member_that_finishes_later_is_seen(self, app: Celery) -> None:
        late = unknown(app)
        group = saved(app, [stored(app, 1), late])
        assert not group.ready()
        app.backend.store_result(late.id, 2, states.SUCCESS)
        assert group.ready()
        assert group.get(timeout=1) == [1, 2]

    def test_maybe_throw_raises_what_a_member_raised(self, app: Celery, mixed: StoredGroupResult) -> None:
        with pytest.raises(ValueError, match="no"):
            mixed.maybe_throw()

    def test_one_task_twice_in_a_group(self, app: Celery) -> None:
        member = stored(app, 7)
        group = saved(app, [member, AsyncResult(member.id, app=app)])
        assert group.ready()
        assert group.completed_count() == 2

    def test_equals_and_pickles_as_celerys(self, app: Celery) -> None:
        group = saved(app, [stored(app, 1)])
        celerys = GroupResult(group.id, group.results, app=app)
        assert group == celerys
        assert celerys == group
        assert type(pickle.loads(pickle.dumps(group))) is GroupResult


class TestJoin:
    """What a join gives while members are missing or failed."""

    def test_times_out(self, app: Celery) -> None:
        group = saved(app, [stored(app, 1), unknown(app)])
        with pytest.raises(CeleryTimeoutError):
            group.get(timeout=0.02)

    def test_raises_the_first_failure_in_the_groups_order(self, app: Celery) -> None:
        failures = [stored(app, KeyError(number), states.FAILURE) for number in range(20)]
        with pytest.raises(KeyError, match="0"):
            saved(app, [stored(app, 1), *failures]).get(timeout=1)

    def test_gives_exceptions_as_values_where_asked(self, app: Celery) -> None:
        first, second = saved(app, [stored(app, 1), stored(app, ValueError("no"), states.FAILURE)]).get(
            timeout=1, propagate=False
        )
        assert first == 1
        assert isinstance(second, ValueError)

    def test_calls_back_for_each_member(self, app: Celery) -> None:
        group = saved(app, [stored(app, number) for number in range(3)])
        seen: list[Any] = []
        group.get(timeout=1, callback=lambda task_id, value: seen.append((task_id, value)))
        assert seen == [(member.id, number) for number, member in enumerate(group.results)]

    def test_tells_each_message(self, app: Celery) -> None:
        group = saved(app, [stored(app, number) for number in range(3)])
        messages: list[Any] = []
        group.get(timeout=1, on_message=messages.append)
        assert [message["result"] for message in messages] == [0, 1, 2]


class TestModels:
    """Who says what a row looks like."""

    def test_no_instances_are_made(self, app: Celery, monkeypatch: Any) -> None:
        result = stored(app, 1)

        def refuse(*args: Any, **kwargs: Any) -> None:
            raise AssertionError("an instance was made")

        monkeypatch.setattr(TaskResult, "from_db", refuse)
        assert result.get(timeout=1) == 1

    def test_managers_get_task_is_honoured(self, app: Celery, monkeypatch: Any) -> None:
        result = stored(app, 1)
        manager = type(TaskResult._default_manager)

        class Own(manager):  # type: ignore[misc, valid-type]
            def get_task(self, task_id: str) -> Any:
                row = super().get_task(task_id)
                row.status = "OWN"
                return row

        monkeypatch.setattr(TaskResult._default_manager, "__class__", Own)
        assert app.AsyncResult(result.id).state == "OWN"

    def test_models_as_dict_is_honoured(self, app: Celery, monkeypatch: Any) -> None:
        result = stored(app, 1)
        original = TaskResult.as_dict
        monkeypatch.setattr(TaskResult, "as_dict", lambda self: {**original(self), "tenant": "acme"})
        assert app.backend.get_task_meta(result.id)["tenant"] == "acme"
        assert app.backend.get_task_metas([result.id])[result.id]["tenant"] == "acme"
