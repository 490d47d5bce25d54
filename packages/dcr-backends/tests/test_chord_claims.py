"""Who sends the body: the process that holds the claim; where it dies, whoever comes next."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import signals
from django.utils import timezone

from dcr_backends.chord import SHORTEST_LEASE
from dcr_backends.database import DatabaseBackend
from dcr_models.models import ChordCounter

pytestmark = pytest.mark.django_db

#: What a part's process is about to do when it stops -> the statement, and how often the body is sent in the end.
STEPS = {
    "count": (r"UPDATE \S*chordcounter SET count = (CASE|LAST_INSERT_ID)", 1),
    "claim": (r"UPDATE \S*chordcounter SET claimed_by = ", 1),
    "read the header": (r"FROM \S*taskresult", 1),
    "renew the claim": (r"UPDATE \S*chordcounter SET claimed_at = ", 1),
    "delete the counter": (r"DELETE FROM \S*chordcounter", 2),
}


def lease_runs_out() -> None:
    long_ago = timezone.now() - timedelta(seconds=SHORTEST_LEASE + 1)
    ChordCounter.objects.exclude(claimed_at=None).update(claimed_at=long_ago)


def claim(backend: DatabaseBackend, group_id: str, token: str = "slow") -> Any:
    """Claim a chord, as a process does that then takes its time."""
    claim = backend._claim_chord(group_id, token, values=True)
    assert claim is not None
    return claim


class TestDeath:
    """A process ends while the last part of a chord returns."""

    @pytest.mark.parametrize("how", [SystemExit, KeyboardInterrupt])
    @pytest.mark.parametrize("step", STEPS)
    def test_sweep_sends_the_body(
        self, step: str, how: Any, new_chord: Any, raising: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        made = new_chord("one", "two")
        made.part_returns("one", 1)
        statement, times = STEPS[step]
        with pytest.raises(how), raising(how, before=statement):
            made.part_returns("two", 2)
        lease_runs_out()
        assert made.backend.repair_chords().finished == [made.group_id]
        worker.run()
        assert tasks.calls == [[[1, 2]]] * times
        assert made.count is None
        assert made.backend.repair_chords().finished == []

    @pytest.mark.parametrize("step", STEPS)
    def test_part_that_is_delivered_again_sends_the_body(
        self, step: str, new_chord: Any, raising: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        """With ``acks_late`` the broker gives the message of a dead worker to another one."""
        made = new_chord("one", "two")
        made.part_returns("one", 1)
        statement, times = STEPS[step]
        with pytest.raises(SystemExit), raising(SystemExit, before=statement):
            made.part_returns("two", 2)
        lease_runs_out()
        made.part_returns("two", 2)
        worker.run()
        assert tasks.calls == [[[1, 2]]] * times
        assert made.count is None

    @pytest.mark.parametrize("step", ["renew the claim", "delete the counter"])
    def test_a_claim_is_left_alone_until_its_lease_is_out(
        self, step: str, new_chord: Any, raising: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        made = new_chord("one")
        statement, times = STEPS[step]
        with pytest.raises(SystemExit), raising(SystemExit, before=statement):
            made.part_returns("one", 1)
        assert made.backend.repair_chords().finished == []
        made.part_returns("one", 1)
        worker.run()
        assert len(tasks.calls) == times - 1

    def test_interrupted_while_sending(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        """The claim is given back: nobody needs to wait for its lease."""
        made = new_chord("one")

        def interrupt(**kwargs: Any) -> None:
            raise KeyboardInterrupt

        signals.before_task_publish.connect(interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):
                made.part_returns("one", 1)
        finally:
            signals.before_task_publish.disconnect(interrupt)
        assert made.backend.repair_chords().finished == [made.group_id]
        worker.run()
        assert tasks.calls == [[[1]]]

    def test_before_the_rows_of_ignored_parts_go(
        self, new_chord: Any, raising: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        """Nothing is left to do for the chord; the row expires like any other."""
        made = new_chord("one")
        with pytest.raises(SystemExit), raising(SystemExit, before=r"FROM \S*taskresult WHERE .* IN \("):
            made.part_is_ignored("one", 1)
        assert made.count is None
        assert made.backend.get_state("one") == "SUCCESS"
        worker.run()
        assert tasks.calls == [[[1]]]


class TestLease:
    @pytest.fixture
    def made(self, new_chord: Any) -> Any:
        """Return a chord whose only part has stored its result, and was not counted."""
        made = new_chord("one")
        made.backend.mark_as_done("one", 1)
        return made

    def test_who_lost_it_sends_nothing(self, made: Any, caplog: pytest.LogCaptureFixture) -> None:
        slow = claim(made.backend, made.group_id)
        lease_runs_out()
        next_one = claim(made.backend, made.group_id, "next")
        sent: list[str] = []
        assert made.backend.send_body(slow, lambda: sent.append("slow")) is False
        assert made.backend.send_body(next_one, lambda: sent.append("next")) is True
        assert sent == ["next"]
        assert f"Chord {made.group_id} was taken over" in caplog.text

    def test_whose_chord_is_finished_sends_nothing(self, made: Any, tasks: SimpleNamespace, worker: Any) -> None:
        slow = claim(made.backend, made.group_id)
        lease_runs_out()
        assert made.backend.finish_chord(made.group_id, made.body) is True
        assert made.backend.send_body(slow, lambda: pytest.fail("sent twice")) is False
        worker.run()
        assert tasks.calls == [[[1]]]

    def test_who_is_late_but_has_it_sends(self, made: Any) -> None:
        slow = claim(made.backend, made.group_id)
        lease_runs_out()
        sent: list[int] = []
        assert made.backend.send_body(slow, lambda: sent.append(1)) is True
        assert sent == [1]
        assert made.count is None

    def test_begins_again_before_the_body_is_sent(self, made: Any) -> None:
        slow = claim(made.backend, made.group_id)
        lease_runs_out()
        seen: list[bool] = []
        made.backend.send_body(slow, lambda: seen.append(made.backend.finish_chord(made.group_id, made.body)))
        assert seen == [False]

    def test_does_not_hold_up_other_chords(
        self, made: Any, new_chord: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        claim(made.backend, made.group_id)
        other = new_chord("two")
        other.part_returns("two", 2)
        worker.run()
        assert tasks.calls == [[[2]]]

    @pytest.mark.parametrize(
        ("join_timeout", "seconds"), [(3.0, SHORTEST_LEASE), (None, SHORTEST_LEASE), (0, SHORTEST_LEASE), (100, 200)]
    )
    def test_is_long_enough_for_a_join(self, configured: Any, join_timeout: float | None, seconds: int) -> None:
        assert configured(result_chord_join_timeout=join_timeout).chord_lease() == timedelta(seconds=seconds)

    def test_is_not_that_of_a_later_chord_with_the_same_id(self, made: Any) -> None:
        """As a task makes it that applies a chord, fails and is retried."""
        slow = claim(made.backend, made.group_id)

        def finished_by_another_and_applied_again() -> None:
            ChordCounter.objects.all().delete()
            made.apply()

        made.backend.send_body(slow, finished_by_another_and_applied_again)
        assert made.count == 1
