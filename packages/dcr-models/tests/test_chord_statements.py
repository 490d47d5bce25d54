"""What chords cost: statements are few, and the same for three parts and for thousands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from math import ceil
from typing import Any

import pytest
from celery import Celery
from celery.utils import uuid
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dcr_models.codec import Encoded
from dcr_models.models import ChordCounter, TaskResult
from dcr_models.queries.reading import MAX_IDS

Start = Callable[..., str]

#: Outside of transactions of a test's own, so that those of the code under test show.
pytestmark = pytest.mark.django_db(transaction=True)

#: MariaDB has no UPDATE … RETURNING.
READ_BACK = ["SELECT"] if connection.vendor == "mysql" else []


def sent(work: Callable[[], Any]) -> list[str]:
    """Return the statements that ``work`` sends, BEGIN and COMMIT included."""
    with CaptureQueriesContext(connection) as context:
        work()
    return [query["sql"] for query in context.captured_queries]


def verbs(work: Callable[[], Any]) -> list[str]:
    return [sql.split()[0] for sql in sent(work)]


def claim(group_id: str) -> Any:
    return ChordCounter.objects.claim(group_id, token="me", lease=timedelta(minutes=1), tasks=TaskResult.objects)


@pytest.fixture
def chord(celery_app: Celery, start: Start) -> Callable[..., str]:
    """Return a function that starts a chord of so many parts, all of which have results unless it says otherwise."""

    def make(size: int, *, ready: bool = True) -> str:
        header = [celery_app.AsyncResult(uuid()) for _ in range(size)]
        if ready:
            TaskResult.objects.bulk_create(TaskResult(task_id=member.id, status="SUCCESS") for member in header)
        return start(header, count=size, body=Encoded("application/json", "utf-8", "{}"))

    return make


def selects(size: int) -> list[str]:
    """Return the statements that read so many results: Django 5.2 takes SQLite to allow 999 parameters."""
    return ["SELECT"] * ceil(size / min(connection.features.max_query_params or MAX_IDS, MAX_IDS))


class TestClaim:
    @pytest.mark.parametrize("size", [3, 1000])
    def test_takes_two_statements_in_a_transaction(self, chord: Callable[..., str], size: int) -> None:
        group_id = chord(size)
        assert verbs(lambda: claim(group_id)) == ["BEGIN", "UPDATE", *READ_BACK, *selects(size), "COMMIT"]

    @pytest.mark.parametrize("size", [3, 1000])
    def test_takes_one_more_to_count_anew(self, chord: Callable[..., str], size: int) -> None:
        group_id = chord(size, ready=False)
        assert verbs(lambda: claim(group_id)) == ["BEGIN", "UPDATE", *READ_BACK, *selects(size), "UPDATE", "COMMIT"]

    def test_reads_nothing_where_another_holds_the_claim(self, chord: Callable[..., str]) -> None:
        group_id = chord(3)
        claim(group_id)
        ChordCounter.objects.update(claimed_by="another")
        assert verbs(lambda: claim(group_id)) == ["BEGIN", "UPDATE", "COMMIT"]


class TestTheRest:
    def test_renewing_and_ending_take_one_statement(self, chord: Callable[..., str]) -> None:
        group_id = chord(3)
        pk = claim(group_id).pk
        assert verbs(lambda: ChordCounter.objects.renew(group_id, "me")) == ["UPDATE"]
        assert verbs(lambda: ChordCounter.objects.release(group_id, "me")) == ["UPDATE"]
        assert verbs(lambda: ChordCounter.objects.finish(group_id, pk)) == ["DELETE"]

    def test_growing_takes_two(self, chord: Callable[..., str], celery_app: Celery) -> None:
        group_id, member = chord(3), celery_app.AsyncResult(uuid()).as_tuple()
        sent_verbs = verbs(lambda: ChordCounter.objects.grow(group_id, member))
        assert sent_verbs == ["BEGIN", "UPDATE", *READ_BACK, "UPDATE", "COMMIT"]

    def test_starting_takes_one(self) -> None:
        assert verbs(lambda: ChordCounter.objects.start(group_id=uuid(), sub_tasks="[]", count=1)) == ["INSERT"]

    def test_counting_is_the_same_for_any_size(self, chord: Callable[..., str]) -> None:
        texts = {}
        for size in (3, 3000):
            group_id = chord(size, ready=False)
            (sql,) = sent(partial(ChordCounter.objects.count_part, group_id))
            texts[size] = sql.replace(group_id, "ID")
        assert texts[3] == texts[3000]
        assert verbs(lambda: ChordCounter.objects.count_part("unknown")) == ["UPDATE"]

    def test_looking_at_all_chords_takes_one_each(self, chord: Callable[..., str]) -> None:
        for _ in range(3):
            chord(2)
        assert len(sent(lambda: list(ChordCounter.objects.unclaimed(timedelta(0))))) == 1
        assert len(sent(ChordCounter.objects.waiting_for)) == 1
