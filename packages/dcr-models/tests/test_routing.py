"""Every write, and every read of a result, goes to the database that it should go to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from celery.utils import uuid
from django.db import connections
from django.test.utils import CaptureQueriesContext

from dcr_models.managers import TaskResultManager
from dcr_models.models import ChordCounter, GroupResult, TaskResult

Store = Callable[..., Any]

pytestmark = pytest.mark.django_db(databases=["default", "other"])


class PrimaryAndReplica:
    """Write to ``other``, read from ``default``, as if that were a replica that lags."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "other"


@pytest.fixture
def replica(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [PrimaryAndReplica()]


@pytest.fixture
def asked() -> Iterator[Callable[[], set[str]]]:
    """Return a function that tells which databases were sent statements since it was last asked."""
    with CaptureQueriesContext(connections["default"]) as default, CaptureQueriesContext(connections["other"]) as other:
        seen = {"default": 0, "other": 0}

        def aliases() -> set[str]:
            new = set()
            for alias, context in (("default", default), ("other", other)):
                if len(context) > seen[alias]:
                    new.add(alias)
                seen[alias] = len(context)
            return new

        yield aliases


Asked = Callable[[], set[str]]

HOUR = timedelta(hours=1)

#: Everything that a manager does, as (name, function of the managers' db_manager alias and of ``using``).
VERBS: dict[str, Callable[[Any, dict[str, str]], Any]] = {
    "store_result": lambda on, to: on(TaskResult).store_result("a/b", "utf-8", uuid(), "1", "SUCCESS", **to),
    "store_group_result": lambda on, to: on(GroupResult).store_group_result("a/b", "utf-8", uuid(), "[]", **to),
    "forget a task": lambda on, to: on(TaskResult).forget("1", **to),
    "get_tasks": lambda on, to: on(TaskResult).get_tasks(["1"], **to),
    "clean_up": lambda on, to: on(TaskResult).clean_up(ready=HOUR, failed=HOUR, unready=HOUR, **to),
    "forget a group": lambda on, to: on(GroupResult).forget("1", **to),
    "start": lambda on, to: on(ChordCounter).start(group_id=uuid(), sub_tasks="[]", count=1, **to),
    "count_part": lambda on, to: on(ChordCounter).count_part("1", **to),
    "grow": lambda on, to: on(ChordCounter).grow("1", [["2", None], None], **to),
    "claim": lambda on, to: on(ChordCounter).claim("1", token="me", lease=HOUR, tasks=TaskResult.objects, **to),
    "renew": lambda on, to: on(ChordCounter).renew("1", "me", **to),
    "release": lambda on, to: on(ChordCounter).release("1", "me", **to),
    "finish": lambda on, to: on(ChordCounter).finish("1", 1, **to),
    "unclaimed": lambda on, to: list(on(ChordCounter).unclaimed(HOUR, **to)),
    "waiting_for": lambda on, to: on(ChordCounter).waiting_for(**to),
}

#: What has no ``using`` of its own.
LOOKUPS: dict[str, Callable[[Any], Any]] = {
    "get_task": lambda on: on(TaskResult).get_task("1"),
    "get_group": lambda on: on(GroupResult).get_group("1"),
    "delete_expired": lambda on: on(TaskResult).delete_expired(timedelta(0)),
    "delete_expired groups": lambda on: on(GroupResult).delete_expired(timedelta(0)),
}


def plain(model: Any) -> Any:
    return model.objects


def on(alias: str) -> Callable[[Any], Any]:
    return lambda model: model.objects.db_manager(alias)


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
class TestEveryVerb:
    def test_follows_the_router(self, verb: Any, replica: None, asked: Asked) -> None:
        verb(plain, {})
        assert asked() == {"other"}

    def test_follows_using(self, verb: Any, asked: Asked) -> None:
        verb(plain, {"using": "other"})
        assert asked() == {"other"}

    def test_follows_db_manager(self, verb: Any, asked: Asked) -> None:
        verb(on("other"), {})
        assert asked() == {"other"}

    def test_prefers_db_manager_to_the_router(self, verb: Any, replica: None, asked: Asked) -> None:
        verb(on("default"), {})
        assert asked() == {"default"}

    def test_prefers_using_to_all_others(self, verb: Any, replica: None, asked: Asked) -> None:
        verb(on("other"), {"using": "default"})
        assert asked() == {"default"}

    def test_stays_at_home_otherwise(self, verb: Any, asked: Asked) -> None:
        verb(plain, {})
        assert asked() == {"default"}


@pytest.mark.parametrize("using", ["default", "other"])
def test_looking_twice_stays_with_the_database(using: str, asked: Asked) -> None:
    """On MariaDB the second miss asks for the isolation level."""
    for _ in range(2):
        TaskResult.objects.get_tasks(["never"], using=using)
    assert asked() == {using}


def test_a_custom_get_task_reads_where_get_tasks_should(own_proxy: Any, store: Store, asked: Asked) -> None:
    class Manager(TaskResultManager):
        def get_task(self, task_id: str) -> Any:
            return super().get_task(task_id)

    own, task_id = own_proxy(Manager()), uuid()
    store(task_id, using="other")
    asked()
    assert own.objects.get_tasks([task_id], using="other").keys() == {task_id}
    assert own.objects.db_manager("other").get_tasks([task_id]).keys() == {task_id}
    assert asked() == {"other"}
    assert own.objects.get_tasks([task_id]) == {}


@pytest.mark.parametrize("lookup", LOOKUPS.values(), ids=LOOKUPS.keys())
class TestEveryLookup:
    def test_goes_where_the_router_writes(self, lookup: Any, replica: None, asked: Asked) -> None:
        for _ in range(2):  # on MariaDB the second miss asks for the isolation level
            lookup(plain)
        assert asked() == {"other"}

    def test_prefers_db_manager_to_the_router(self, lookup: Any, replica: None, asked: Asked) -> None:
        lookup(on("default"))
        assert asked() == {"default"}

    def test_follows_db_manager(self, lookup: Any, asked: Asked) -> None:
        lookup(on("other"))
        assert asked() == {"other"}


@pytest.mark.usefixtures("path")
class TestStoringInEachWay:
    def test_asks_one_database(self, store: Store, asked: Asked, replica: None, task_id: str) -> None:
        for state in ("STARTED", "SUCCESS", "FAILURE"):
            store(task_id, state)
        assert asked() == {"other"}

    def test_a_row_on_one_database_is_none_on_the_other(self, store: Store, stored: Any, task_id: str) -> None:
        store(task_id, "SUCCESS", using="default")
        store(task_id, "STARTED", using="other")
        assert (stored(task_id)["status"], stored(task_id, using="other")["status"]) == ("SUCCESS", "STARTED")

    def test_the_returned_object_stays_with_its_database(
        self, store: Store, asked: Asked, replica: None, task_id: str
    ) -> None:
        for state in ("STARTED", "SUCCESS", "FAILURE"):
            returned = store(task_id, state)
            assert returned._state.db == "other"
            assert returned.date_created <= returned.date_done
        returned.refresh_from_db()
        assert asked() == {"other"}

    def test_the_returned_object_can_be_loaded_from_elsewhere(self, store: Store, task_id: str) -> None:
        returned = store(task_id, result="2", using="other")
        TaskResult.objects.using("default").create(pk=returned.pk, task_id=task_id, result="1")
        returned.refresh_from_db(using="default")
        assert returned.result == "1"
        returned.refresh_from_db(from_queryset=TaskResult.objects.using("other"))
        assert returned.result == "2"


def test_group_results_stay_with_their_database(asked: Asked, replica: None) -> None:
    group = GroupResult.objects.store_group_result("a/b", "utf-8", uuid(), "[]")
    assert group.date_created <= group.date_done
    assert asked() == {"other"}


def test_a_chord_is_recounted_where_its_results_are_written(
    celery_app: Celery, store: Store, asked: Asked, replica: None, task_id: str
) -> None:
    group_id = uuid()
    sub_tasks = json.dumps([celery_app.AsyncResult(task_id).as_tuple()])
    ChordCounter.objects.start(group_id=group_id, sub_tasks=sub_tasks, count=1)
    store(task_id)
    assert ChordCounter.objects.count_part(group_id) == 0
    claim = ChordCounter.objects.claim(group_id, token="me", lease=HOUR, tasks=TaskResult.objects)
    assert claim is not None
    assert claim.tasks.keys() == {task_id}
    assert asked() == {"other"}


class CountersElsewhere:
    """Keep the counters apart from the results."""

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "other" if model is ChordCounter else "default"

    db_for_read = db_for_write


class TestCountersInAnotherDatabase:
    @pytest.fixture
    def chord(self, celery_app: Celery, settings: Any, task_id: str, start: Callable[..., str]) -> str:
        settings.DATABASE_ROUTERS = [CountersElsewhere()]
        return start([celery_app.AsyncResult(task_id)], count=1)

    def claim(self, group_id: str) -> Any:
        return ChordCounter.objects.claim(group_id, token="me", lease=HOUR, tasks=TaskResult.objects)

    def test_are_claimed_by_what_the_results_say(self, chord: str, store: Store, asked: Asked, task_id: str) -> None:
        store(task_id)
        asked()
        assert self.claim(chord).tasks.keys() == {task_id}
        assert asked() == {"default", "other"}
        assert ChordCounter.objects.using("other").get().claimed_by == "me"
        assert not ChordCounter.objects.using("default").exists()

    def test_are_counted_anew_by_what_the_results_say(self, chord: str, store: Store, task_id: str) -> None:
        ChordCounter.objects.count_part(chord)
        store(task_id, using="other")  # where nobody looks for it
        assert self.claim(chord) is None
        counter = ChordCounter.objects.using("other").get()
        assert (counter.count, counter.claimed_by) == (1, None)


def test_connections_follow_the_router(replica: None) -> None:
    assert TaskResult.objects.connection_for_write() is connections["other"]
    assert TaskResult.objects.connection_for_read() is connections["default"]
    assert TaskResult.objects.db_manager("other").connection_for_read() is connections["other"]


def test_plain_queries_follow_the_router(asked: Asked, replica: None) -> None:
    list(TaskResult.objects.all())
    list(TaskResult.objects.get_all_expired(60))
    assert asked() == {"default"}
