"""The counter never lies in the dangerous direction; its header grows; who looks at all counters sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult
from celery.result import GroupResult as CeleryGroupResult
from celery.utils import uuid
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dcr_models.codec import Encoded
from dcr_models.models import ChordCounter, TaskResult

Start = Callable[..., str]
Counter = Callable[[str], Any]

MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def claim(group_id: str, token: str = "me") -> Any:
    return ChordCounter.objects.claim(group_id, token=token, lease=MINUTE, tasks=TaskResult.objects)


@pytest.mark.usefixtures("path")
class TestStart:
    def test_makes_a_counter(self) -> None:
        group_id, before = uuid(), timezone.now()
        ChordCounter.objects.start(group_id=group_id, sub_tasks="[]", count=3)
        row = ChordCounter.objects.get(group_id=group_id)
        assert (row.sub_tasks, row.count, row.body, row.claimed_by, row.claimed_at) == ("[]", 3, None, None, None)
        assert before <= row.date_created <= timezone.now()

    def test_stores_the_body(self, start: Start, counter: Counter) -> None:
        row = counter(start([], body=Encoded("application/json", "utf-8", '{"task": "shop.sum"}')))
        assert (row.body, row.body_content_type, row.body_content_encoding) == (
            '{"task": "shop.sum"}',
            "application/json",
            "utf-8",
        )

    def test_leaves_a_counter_that_counts_already(self, start: Start, header: Any, counter: Counter) -> None:
        group_id = start(header, count=3, body=Encoded("a/b", "utf-8", "first"))
        ChordCounter.objects.count_part(group_id)
        before = ChordCounter.objects.values().get()
        start(header[:1], count=1, group_id=group_id, body=Encoded("a/b", "utf-8", "second"))
        assert ChordCounter.objects.values().get() == before
        assert counter(group_id).count == 2

    def test_leaves_a_claim_alone(self, start: Start, counter: Counter) -> None:
        group_id = start([])
        claim(group_id)
        start([], count=1, group_id=group_id)
        assert counter(group_id).claimed_by == "me"
        assert claim(group_id, "other") is None


@pytest.mark.usefixtures("way")
class TestCountPart:
    def test_returns_how_many_are_left(self, start: Start, counter: Counter) -> None:
        group_id = start([], count=2)
        assert [ChordCounter.objects.count_part(group_id) for _ in range(2)] == [1, 0]
        assert counter(group_id).count == 0

    def test_stops_at_zero(self, start: Start, counter: Counter) -> None:
        group_id = start([], count=1)
        assert [ChordCounter.objects.count_part(group_id) for _ in range(3)] == [0, 0, 0]
        assert counter(group_id).count == 0

    def test_returns_none_without_a_counter(self, start: Start, counter: Counter) -> None:
        other = start([], count=2)
        assert ChordCounter.objects.count_part(uuid()) is None
        assert counter(other).count == 2

    def test_does_not_read_the_header(self, start: Start) -> None:
        group_id = start([], count=2)
        with CaptureQueriesContext(connection) as context:
            ChordCounter.objects.count_part(group_id)
        assert not [query["sql"] for query in context if "sub_tasks" in query["sql"]]

    def test_counts_a_claimed_chord_too(self, start: Start, counter: Counter) -> None:
        """A sweep may be faster than the last part: whose return then finds the claim."""
        group_id = start([], count=1)
        claim(group_id)
        assert ChordCounter.objects.count_part(group_id) == 0
        assert counter(group_id).claimed_by == "me"


@pytest.mark.usefixtures("way")
class TestGrow:
    def test_adds_to_header_and_count(
        self, start: Start, counter: Counter, header: list[AsyncResult[Any]], celery_app: Celery
    ) -> None:
        group_id, other = start(header, count=3), start(header, count=3)
        new = celery_app.AsyncResult(uuid(), parent=header[0])
        assert ChordCounter.objects.grow(group_id, new.as_tuple()) is True
        row = counter(group_id)
        assert row.group_result() == CeleryGroupResult(group_id, [*header, new])
        assert row.group_result().results[3].parent == header[0]
        assert (row.count, counter(other).count) == (4, 3)
        assert len(json.loads(counter(other).sub_tasks)) == 3

    def test_counts_the_leaves_of_a_group(self, start: Start, counter: Counter, header: list[AsyncResult[Any]]) -> None:
        group_id = start([], count=0)
        ChordCounter.objects.grow(group_id, CeleryGroupResult(uuid(), header).as_tuple())
        assert counter(group_id).count == 3

    def test_adds_a_result_once(self, start: Start, counter: Counter, header: list[AsyncResult[Any]]) -> None:
        """The reply to a first attempt may have been lost."""
        group_id = start(header[:2], count=2)
        for _ in range(2):
            assert ChordCounter.objects.grow(group_id, header[2].as_tuple()) is True
        assert (counter(group_id).count, len(json.loads(counter(group_id).sub_tasks))) == (3, 3)

    def test_has_to_be_waited_for(
        self, start: Start, counter: Counter, header: list[AsyncResult[Any]], store: Any
    ) -> None:
        group_id = start(header[:1], count=1)
        store(header[0].id)
        ChordCounter.objects.grow(group_id, header[1].as_tuple())
        assert ChordCounter.objects.count_part(group_id) == 1
        assert claim(group_id) is None
        store(header[1].id)
        assert claim(group_id).tasks.keys() == {header[0].id, header[1].id}

    def test_knows_no_counter(self, header: list[AsyncResult[Any]]) -> None:
        assert ChordCounter.objects.grow(uuid(), header[0].as_tuple()) is False
        assert not ChordCounter.objects.exists()

    def test_is_refused_by_a_claimed_chord(
        self, start: Start, counter: Counter, header: list[AsyncResult[Any]]
    ) -> None:
        group_id = start([])
        token = claim(group_id).token
        assert ChordCounter.objects.grow(group_id, header[0].as_tuple()) is False
        assert (counter(group_id).sub_tasks, counter(group_id).count) == ("[]", 0)
        ChordCounter.objects.release(group_id, token)
        assert ChordCounter.objects.grow(group_id, header[0].as_tuple()) is True


class TestUnclaimed:
    def unclaimed(self, lease: timedelta = MINUTE) -> list[Any]:
        return list(ChordCounter.objects.unclaimed(lease))

    def test_yields_counters_from_old_to_new(self, start: Start, counter: Counter) -> None:
        before = timezone.now()
        ids = [
            start([], count=number, body=Encoded("a/b", "utf-8", "body") if number else None) for number in (2, 0, 1)
        ]
        found = self.unclaimed()
        assert [(group_id, has_body) for group_id, _, has_body in found] == list(
            zip(ids, (True, False, True), strict=True)
        )
        assert all(before <= created <= timezone.now() for _, created, _ in found)

    def test_tells_what_2_6_made(self) -> None:
        ChordCounter.objects.create(group_id="2.6", sub_tasks="[]", count=1)
        assert self.unclaimed() == [("2.6", None, False)]

    def test_leaves_out_live_claims(self, start: Start) -> None:
        claimed, expired, released, free = (start([]) for _ in range(4))
        for group_id in (claimed, expired, released):
            claim(group_id)
        ChordCounter.objects.filter(group_id=expired).update(claimed_at=F("claimed_at") - 2 * MINUTE)
        ChordCounter.objects.release(released, "me")
        assert [group_id for group_id, _, _ in self.unclaimed()] == [expired, released, free]
        assert [group_id for group_id, _, _ in self.unclaimed(3 * MINUTE)] == [released, free]

    def test_takes_one_statement_that_reads_no_header(self, start: Start) -> None:
        start([], body=Encoded("a/b", "utf-8", "body"))
        with CaptureQueriesContext(connection) as context:
            self.unclaimed()
        (query,) = context
        assert "sub_tasks" not in query["sql"]


class TestWaitingFor:
    def test_names_the_tasks_of_all_headers(self, start: Start, header: list[AsyncResult[Any]]) -> None:
        first, second, third = header
        start([first, CeleryGroupResult(uuid(), [second])], count=2)
        claim(start([]))
        start([second, CeleryGroupResult(uuid(), [CeleryGroupResult(uuid(), [third])])], count=2)
        assert ChordCounter.objects.waiting_for() == {first.id, second.id, third.id}

    def test_is_empty_without_chords(self) -> None:
        assert ChordCounter.objects.waiting_for() == set()

    def test_leaves_out_what_2_6_made(self, start: Start, header: list[AsyncResult[Any]]) -> None:
        start(header[:1], count=1)
        ChordCounter.objects.update(date_created=None)
        assert ChordCounter.objects.waiting_for() == set()

    def test_takes_one_statement(
        self, start: Start, header: list[AsyncResult[Any]], django_assert_num_queries: Any
    ) -> None:
        for member in header:
            start([member], count=1)
        with django_assert_num_queries(1):
            ChordCounter.objects.waiting_for()


class TestNeedsRecount:
    @pytest.mark.parametrize(
        ("ready", "count", "needed"),
        [(0, 3, False), (1, 2, False), (1, 3, True), (3, 3, True), (0, 0, True)],
    )
    def test_where_the_count_is_not_what_the_rows_say(
        self, start: Start, header: Any, store: Callable[..., Any], ready: int, count: int, needed: bool
    ) -> None:
        group_id = start(header, count=count)
        for member in header[:ready]:
            store(member.id)
        assert ChordCounter.objects.needs_recount(group_id, TaskResult.objects) is needed
        assert ChordCounter.objects.get().count == count

    def test_knows_no_counter(self) -> None:
        assert ChordCounter.objects.needs_recount(uuid(), TaskResult.objects) is False
