"""Who polls inside a transaction at REPEATABLE READ is told so; nobody else is bothered."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.utils import uuid
from django.db import connection

from dcr_models.managers import TxIsolationWarning
from dcr_models.models import GroupResult, TaskResult
from dcr_models.queries import isolation

Store = Callable[..., Any]

pytestmark = pytest.mark.django_db

mariadb_only = pytest.mark.skipif(connection.vendor != "mysql", reason="concerns MySQL and MariaDB")


@pytest.fixture
def repeatable_read() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def get_task(lookup_id: str) -> Any:
    return TaskResult.objects.get_task(lookup_id)


def get_group(lookup_id: str) -> Any:
    return GroupResult.objects.get_group(lookup_id)


@mariadb_only
@pytest.mark.usefixtures("repeatable_read")
@pytest.mark.parametrize("lookup", [get_task, get_group])
class TestAtRepeatableRead:
    def test_the_second_miss_of_one_id_warns(self, lookup: Any) -> None:
        missing = uuid()
        lookup(missing)
        with pytest.warns(TxIsolationWarning, match="Set 'isolation_level': 'read committed'"):
            lookup(missing)

    def test_misses_of_different_ids_do_not(self, lookup: Any) -> None:
        for _ in range(3):
            lookup(uuid())


@mariadb_only
@pytest.mark.usefixtures("repeatable_read")
def test_finding_a_result_twice_does_not_warn(store: Store, task_id: str) -> None:
    store(task_id)
    get_task(task_id)
    get_task(task_id)


@pytest.mark.parametrize("lookup", [get_task, get_group])
def test_elsewhere_nothing_warns(lookup: Any) -> None:
    missing = uuid()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lookup(missing)
        lookup(missing)
        TaskResult.objects.warn_if_repeatable_read()


class TestIsRepeatableRead:
    def test_is_false_at_djangos_default(self) -> None:
        assert not isolation.is_repeatable_read(connection)

    @mariadb_only
    @pytest.mark.usefixtures("repeatable_read")
    def test_asks_the_session(self) -> None:
        assert isolation.is_repeatable_read(connection)

    @pytest.mark.skipif(connection.vendor == "mysql", reason="has to ask there")
    def test_costs_nothing_elsewhere(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            isolation.is_repeatable_read(connection)
