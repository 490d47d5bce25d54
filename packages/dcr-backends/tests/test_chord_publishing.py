"""Publishers of chords: in a transaction, twice, and with bodies that cannot be stored."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, chord
from celery.canvas import Signature
from celery.result import AsyncResult
from django.db import connection, connections, transaction

from dcr_models.models import ChordCounter, TaskResult
from dcr_testkit.settings import VENDOR

on_a_server = pytest.mark.skipif(VENDOR == "sqlite", reason="nobody writes to SQLite while a publisher does")


@pytest.mark.django_db(transaction=True)
class TestTransaction:
    def test_parts_that_return_after_the_commit(self, tasks: SimpleNamespace, worker: Any) -> None:
        with transaction.atomic():
            chord([tasks.echo.s(1), tasks.echo.s(2)])(tasks.record.s())
        assert ChordCounter.objects.get().count == 2
        worker.run()
        assert tasks.calls == [[[1, 2]]]

    def test_parts_that_have_all_returned_before(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        """Nobody could count them: the publisher finishes the chord when it has committed."""
        with transaction.atomic():
            made = new_chord("one", "two")
            made.backend.mark_as_done("one", 1)
            made.backend.mark_as_done("two", 2)
        assert made.count is None
        worker.run()
        assert tasks.calls == [[[1, 2]]]

    def test_parts_some_of_which_have_returned_before(
        self, new_chord: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        with transaction.atomic():
            made = new_chord("one", "two", "three")
            made.backend.mark_as_done("one", 1)
        assert made.count == 2
        made.part_returns("two", 2)
        made.part_returns("three", 3)
        worker.run()
        assert tasks.calls == [[[1, 2, 3]]]

    @on_a_server
    def test_workers_that_are_faster_than_the_commit(self, tasks: SimpleNamespace, worker: Any) -> None:
        """PostgreSQL does not show them the counter; MySQL and MariaDB let them wait for the commit."""

        def work() -> None:
            worker.run()
            connections.close_all()

        with transaction.atomic():
            chord([tasks.echo.s(1), tasks.echo.s(2).set(ignore_result=True)])(tasks.record.s())
            thread = threading.Thread(target=work)
            thread.start()
            thread.join(20 if VENDOR == "postgresql" else 0.2)
            assert thread.is_alive() is (VENDOR != "postgresql")
        thread.join(20)
        worker.run()
        assert tasks.calls == [[[1, 2]]]
        assert TaskResult.objects.count() == 2  # a part and the body
        assert not ChordCounter.objects.exists()

    def test_rollback(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        """There is no chord then; what the broker was given runs all the same."""
        with transaction.atomic():
            result = chord([tasks.echo.s(1), tasks.echo.s(2)])(tasks.record.s())
            transaction.set_rollback(True)
        assert not ChordCounter.objects.exists()
        assert worker.run() == [tasks.echo.name] * 2
        assert app.backend.repair_chords() == ([], [], [])
        assert tasks.calls == []
        assert [part.get(timeout=1) for part in result.parent] == [1, 2]
        assert result.state == "PENDING"

    def test_rollback_of_an_inner_block(self, tasks: SimpleNamespace, worker: Any) -> None:
        with transaction.atomic():
            with transaction.atomic():
                chord([tasks.echo.s(1)])(tasks.record.s("rolled back"))
                transaction.set_rollback(True)
            chord([tasks.echo.s(2)])(tasks.record.s("committed"))
        worker.run()
        assert tasks.calls == [[[2], "committed"]]

    def test_publisher_that_dies_after_its_commit(
        self, app: Celery, new_chord: Any, raising: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        def publish() -> None:
            with transaction.atomic():
                new_chord("one").backend.mark_as_done("one", 1)

        with pytest.raises(SystemExit), raising(SystemExit, before="SET claimed_by = "):
            publish()
        assert ChordCounter.objects.get().count == 1
        app.backend.repair_chords()
        worker.run()
        assert tasks.calls == [[[1]]]

    def test_trouble_after_the_commit_is_logged(
        self, new_chord: Any, raising: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The caller's transaction is done; it must not look as if it had failed."""
        seen: list[str] = []
        with raising(RuntimeError("no luck"), before="SET claimed_by = "), transaction.atomic():
            made = new_chord("one")
            transaction.on_commit(lambda: seen.append("next"))
        assert seen == ["next"]
        assert f"Chord {made.group_id} could not be finished" in caplog.text

    def test_autocommit_needs_no_recount(self, new_chord: Any, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            new_chord("one", "two")


@pytest.mark.django_db
class TestTwice:
    """The same group id is applied again: a publisher's retry."""

    def test_keeps_what_was_counted(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one", "two", "three")
        made.part_returns("one", 1)
        made.apply()
        assert made.count == 2
        for part, value in (("one", 1), ("two", 2), ("three", 3)):
            made.part_returns(part, value)
        worker.run()
        assert tasks.calls == [[[1, 2, 3]]]

    def test_keeps_a_claim(self, new_chord: Any) -> None:
        made = new_chord("one")
        made.backend.mark_as_done("one", 1)
        claim = made.backend._claim_chord(made.group_id, "token", values=True)
        made.apply()
        sent: list[int] = []
        made.backend.send_body(claim, lambda: sent.append(1))
        assert sent == [1]
        assert made.count is None

    def test_after_it_was_finished(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one")
        made.part_returns("one", 1)
        made.apply()
        made.part_returns("one", 1)
        worker.run()
        assert tasks.calls == [[[1]], [[1]]]

    def test_age_is_that_of_the_first_time(self, new_chord: Any) -> None:
        made = new_chord("one")
        before = ChordCounter.objects.values_list("date_created", "body").get()
        made.apply()
        assert ChordCounter.objects.values_list("date_created", "body").get() == before


@pytest.mark.django_db
class TestStoredBody:
    @pytest.mark.parametrize("serializer", ["json", "pickle", "yaml"])
    def test_is_a_signature_again(self, app: Celery, new_chord: Any, serializer: str) -> None:
        app.conf.update(task_serializer=serializer, accept_content=[serializer])
        made = new_chord("one")
        made.backend.mark_as_done("one", 1)
        claim = made.backend._claim_chord(made.group_id, "token", values=True)
        body = made.backend.stored_body(claim)
        assert isinstance(body, Signature)
        assert {**body, "args": tuple(body.args)} == made.body  # JSON has no tuples

    def test_that_cannot_be_encoded_is_not_stored(
        self, app: Celery, new_chord: Any, tasks: SimpleNamespace, worker: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A publisher may send it in another way; the last part sends it then."""
        body = tasks.record.s(object())
        app.backend.apply_chord(("group", [AsyncResult("one", app=app)]), body)
        counter = ChordCounter.objects.get()
        assert (counter.count, counter.body) == (1, None)
        assert "The body of a chord cannot be stored" in caplog.text

    def test_header_is_read_back_as_it_was(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one", ["two", ["three"]])
        assert ChordCounter.objects.get().group_result(app).results == made.members

    def test_large_header_in_one_statement(self, app: Celery, new_chord: Any, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            new_chord(*(f"part {number}" for number in range(2_000)))
        assert connection.in_atomic_block
        assert ChordCounter.objects.get().count == 2_000
