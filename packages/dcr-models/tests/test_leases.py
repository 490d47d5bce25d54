"""A claim is held for as long as its lease lasts, and ends with the counter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery.utils import uuid
from django.db import connection
from django.db.models import F
from django.utils import timezone

from dcr_models.models import ChordCounter, TaskResult

Header = list[Any]  # of AsyncResult
Start = Callable[..., str]
Counter = Callable[[str], Any]

SECOND = timedelta(seconds=1)
LEASE = 60 * SECOND

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("way")]


def claim(group_id: str, token: str = "me", *, lease: timedelta = LEASE, **options: Any) -> Any:
    return ChordCounter.objects.claim(group_id, token=token, lease=lease, tasks=TaskResult.objects, **options)


def age(group_id: str, by: timedelta) -> None:
    """Make the claim of a chord older than it is."""
    ChordCounter.objects.filter(group_id=group_id).update(claimed_at=F("claimed_at") - by)


class TestALease:
    def test_is_respected(self, finished: str, counter: Counter) -> None:
        claim(finished)
        age(finished, LEASE - 5 * SECOND)
        before = counter(finished).claimed_at
        assert claim(finished, "other") is None
        assert (counter(finished).claimed_by, counter(finished).claimed_at) == ("me", before)

    def test_runs_out(self, finished: str, counter: Counter) -> None:
        claim(finished)
        age(finished, LEASE + SECOND)
        assert claim(finished, "other").token == "other"
        assert counter(finished).claimed_by == "other"
        assert claim(finished) is None

    def test_is_as_long_as_the_next_one_says(self, finished: str) -> None:
        claim(finished, lease=SECOND)
        age(finished, 30 * SECOND)
        assert claim(finished, "other") is None
        assert claim(finished, "other", lease=29 * SECOND) is not None

    def test_does_not_shut_its_own_process_out(self, finished: str, counter: Counter) -> None:
        """The reply to the first attempt may have been lost on the way."""
        first = claim(finished)
        age(finished, 30 * SECOND)
        assert claim(finished) == first
        age(finished, 31 * SECOND)
        assert claim(finished, "other") is None

    def test_begins_now(self, finished: str, counter: Counter) -> None:
        claim(finished)
        assert abs(timezone.now() - counter(finished).claimed_at) < 30 * SECOND

    @pytest.mark.skipif(connection.vendor != "mysql", reason="only there the clock depends on the session")
    @pytest.mark.parametrize("zone", ["-05:00", "+05:00"])
    def test_is_the_same_in_all_time_zones(self, finished: str, counter: Counter, zone: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = %s", [zone])
            try:
                claim(finished)
            finally:
                cursor.execute("SET time_zone = DEFAULT")
        assert claim(finished, "other") is None
        assert abs(timezone.now() - counter(finished).claimed_at) < 30 * SECOND
        age(finished, LEASE + SECOND)
        assert claim(finished, "other") is not None

    def test_that_ran_out_is_forgotten_where_the_chord_is_unfinished(
        self, header: Header, start: Start, counter: Counter
    ) -> None:
        group_id = start(header)
        claim(group_id, although_unready=True)
        age(group_id, LEASE + SECOND)
        assert claim(group_id, "other") is None
        assert (counter(group_id).claimed_by, counter(group_id).claimed_at) == (None, None)
        assert ChordCounter.objects.renew(group_id, "me") is False


class TestRenew:
    def test_lets_the_lease_begin_again(self, finished: str) -> None:
        claim(finished)
        age(finished, LEASE - 5 * SECOND)
        assert ChordCounter.objects.renew(finished, "me") is True
        age(finished, LEASE - 5 * SECOND)
        assert claim(finished, "other") is None

    def test_works_while_nobody_has_taken_over(self, finished: str) -> None:
        claim(finished)
        age(finished, 100 * LEASE)
        assert ChordCounter.objects.renew(finished, "me") is True
        assert claim(finished, "other") is None

    def test_fails_after_another_has_taken_over(self, finished: str, counter: Counter) -> None:
        claim(finished)
        age(finished, LEASE + SECOND)
        claim(finished, "other")
        before = counter(finished).claimed_at
        assert ChordCounter.objects.renew(finished, "me") is False
        assert (counter(finished).claimed_by, counter(finished).claimed_at) == ("other", before)

    def test_fails_without_a_claim(self, finished: str, counter: Counter) -> None:
        assert ChordCounter.objects.renew(finished, "me") is False
        assert ChordCounter.objects.renew(uuid(), "me") is False
        assert counter(finished).claimed_at is None


class TestRelease:
    def test_lets_others_claim_at_once(self, finished: str, counter: Counter) -> None:
        claim(finished)
        ChordCounter.objects.release(finished, "me")
        assert (counter(finished).claimed_by, counter(finished).claimed_at) == (None, None)
        assert ChordCounter.objects.renew(finished, "me") is False
        assert claim(finished, "other") is not None

    def test_does_nothing_to_the_claim_of_another(self, finished: str, counter: Counter) -> None:
        claim(finished, "other")
        ChordCounter.objects.release(finished, "me")
        assert counter(finished).claimed_by == "other"


class TestFinish:
    def test_deletes_the_counter(self, finished: str, start: Start) -> None:
        other = start([])
        assert ChordCounter.objects.finish(finished, claim(finished).pk) is True
        assert ChordCounter.objects.get().group_id == other
        assert claim(finished, "other") is None
        assert ChordCounter.objects.count_part(finished) is None

    def test_tells_whether_it_was_there(self, finished: str) -> None:
        pk = claim(finished).pk
        assert [ChordCounter.objects.finish(finished, pk) for _ in range(2)] == [True, False]

    def test_ends_the_claim_of_another_too(self, finished: str) -> None:
        """The body was sent: who has taken over by then must not send it again."""
        pk = claim(finished).pk
        age(finished, LEASE + SECOND)
        claim(finished, "other")
        assert ChordCounter.objects.finish(finished, pk) is True
        assert ChordCounter.objects.renew(finished, "other") is False

    def test_leaves_a_later_chord_of_the_same_id(self, finished: str, header: Header, start: Start) -> None:
        pk = claim(finished).pk
        ChordCounter.objects.finish(finished, pk)
        start(header, count=3, group_id=finished)
        assert ChordCounter.objects.finish(finished, pk) is False
        assert ChordCounter.objects.get().group_id == finished
