"""A failed operation is tried again where that can help, and its first error is the one that is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery.utils import uuid
from django.db import DatabaseError, OperationalError, connection, transaction

from dcr_models.managers import transaction_retry
from dcr_models.models import GroupResult, TaskResult

Store = Callable[..., Any]


@contextmanager
def failing(times: int) -> Iterator[list[str]]:
    """Let the next statements fail, each with an error that has its number; yield the list of statements."""
    sent: list[str] = []
    connection.ensure_connection()  # what Django sends to a new connection is not to fail

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        if len(sent) <= times:
            raise OperationalError(f"failure {len(sent)}")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield sent


@pytest.mark.django_db(transaction=True)
class TestInAutocommitMode:
    @pytest.mark.parametrize(
        ("verb", "retries"),
        [
            (lambda **limit: TaskResult.objects.get_task(uuid(), **limit), 1),
            (lambda **limit: GroupResult.objects.get_group(uuid(), **limit), 1),
            (lambda **limit: TaskResult.objects.store_result("a/b", "utf-8", "1", "1", "STARTED", **limit), 2),
            (lambda **limit: GroupResult.objects.store_group_result("a/b", "utf-8", "1", "[]", **limit), 2),
        ],
        ids=["get_task", "get_group", "store_result", "store_group_result"],
    )
    def test_a_verb_is_tried_again(self, verb: Any, retries: int) -> None:
        with failing(retries):
            verb()
        with failing(retries + 1), pytest.raises(OperationalError, match=f"failure {retries + 1}"):
            verb()
        with failing(1) as sent, pytest.raises(OperationalError, match="failure 1"):
            verb(exception_retry_count=0)
        assert len(sent) == 1
        with failing(5) as sent:
            verb(exception_retry_count=5)
        assert len(sent) == 6

    def test_nothing_is_lost(self, store: Store, task_id: str) -> None:
        with failing(2):
            assert store(task_id).pk == TaskResult.objects.get(task_id=task_id).pk


@pytest.mark.django_db
class TestInTheCallersTransaction:
    def test_nothing_is_tried_again(self, store: Store, task_id: str) -> None:
        with failing(1) as sent, pytest.raises(OperationalError, match="failure 1"):
            store(task_id)
        assert len(sent) == 1

    def test_the_first_error_is_the_one_that_is_seen(self, store: Store, task_id: str) -> None:
        """On PostgreSQL a second statement would say that the transaction is aborted."""
        with pytest.raises(DatabaseError, match="content_type"), transaction.atomic():
            store(task_id, content_type=None)

    def test_the_caller_can_go_on_after_a_savepoint(self, store: Store, task_id: str) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            store(task_id, content_type=None)
        store(task_id)
        assert TaskResult.objects.filter(task_id=task_id).exists()


class TestTheDecorator:
    def test_passes_arguments_and_the_result_on(self) -> None:
        @transaction_retry()
        def join(*args: Any, **kwargs: Any) -> Any:
            """Return what came in."""
            return args, kwargs

        assert join(1, b=2) == ((1,), {"b": 2})
        assert (join.__name__, join.__doc__) == ("join", "Return what came in.")

    @pytest.mark.parametrize("error", [TypeError, ValueError, KeyboardInterrupt])
    def test_lets_errors_through_that_are_not_the_databases(self, error: type[BaseException]) -> None:
        calls = []

        @transaction_retry(max_retries=3)
        def fail() -> None:
            calls.append(1)
            raise error

        with pytest.raises(error):
            fail()
        assert len(calls) == 1
