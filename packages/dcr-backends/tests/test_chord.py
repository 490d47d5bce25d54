"""Chords of ``django-db``: one row counts the parts, the rows of the header's tasks are the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, chord
from celery.app.task import Context
from celery.exceptions import ChordError
from celery.result import AsyncResult, GroupResult, result_from_tuple

from dcr_backends.groups import leaves
from dcr_models.models import ChordCounter

pytestmark = pytest.mark.django_db


class TestApplying:
    def test_counter(self, new_chord: Any) -> None:
        made = new_chord("one", "two")
        counter = ChordCounter.objects.get()
        assert (counter.group_id, counter.count) == (made.group_id, 2)
        assert json.loads(counter.sub_tasks) == [[["one", None], None], [["two", None], None]]
        assert counter.group_result() == GroupResult(made.group_id, made.members)

    def test_nested_groups_count_by_their_leaves(self, new_chord: Any) -> None:
        made = new_chord("one", ["two", ["three", "four"]], "five")
        assert made.count == 5
        assert [leaf.id for leaf in leaves(made.members)] == ["one", "two", "three", "four", "five"]

    def test_header_as_a_group(self, app: Celery, tasks: SimpleNamespace) -> None:
        header = GroupResult("group", [AsyncResult("one", app=app)], app=app)
        app.backend.apply_chord(header, tasks.record.s())
        assert ChordCounter.objects.get().count == 1

    def test_lazy_header_is_read_once(self, app: Celery, tasks: SimpleNamespace) -> None:
        def members() -> Iterator[AsyncResult]:
            yield AsyncResult("one", app=app)
            yield AsyncResult("two", app=app)

        app.backend.apply_chord(("group", members()), tasks.record.s())
        assert ChordCounter.objects.get().count == 2
        assert len(json.loads(ChordCounter.objects.get().sub_tasks)) == 2

    def test_applied_again_while_it_counts(self, new_chord: Any) -> None:
        """The counter is not reset: parts may have returned between a publish that failed and its repetition."""
        made = new_chord("one", "two")
        made.part_returns("one", 1)
        made.apply()
        assert made.count == 1

    def test_size_of_an_old_body_is_not_believed(self, app: Celery, tasks: SimpleNamespace) -> None:
        body = tasks.record.s()
        body["chord_size"] = 17
        app.backend.apply_chord(("group", [AsyncResult("one", app=app)]), body)
        assert ChordCounter.objects.get().count == 1

    def test_group_id_that_is_too_long(self, app: Celery, tasks: SimpleNamespace) -> None:
        with pytest.raises(ValueError, match="group_id has 256 characters"):
            app.backend.apply_chord(("g" * 256, [AsyncResult("one", app=app)]), tasks.record.s())


class TestReturning:
    def test_last_part_sends_the_body(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one", "two")
        made.part_returns("two", 2)
        assert made.count == 1
        assert list(worker.receive()) == []
        made.part_returns("one", 1)
        assert made.count is None
        worker.run()
        assert tasks.calls == [[[1, 2]]]

    def test_nested_values(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one", ["two", ["three"]])
        for part in ("three", "one", "two"):
            made.part_returns(part, part.upper())
        worker.run()
        assert tasks.calls == [[["ONE", ["TWO", ["THREE"]]]]]

    def test_part_that_is_delivered_twice(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        """A visibility timeout, or a worker that was killed between its result and its acknowledgement."""
        made = new_chord("one", "two", "three")
        made.part_returns("one", 1)
        made.part_returns("one", 1)
        made.part_returns("two", 2)
        worker.run()
        assert tasks.calls == []
        assert made.count == 1
        made.part_returns("three", 3)
        worker.run()
        assert tasks.calls == [[[1, 2, 3]]]

    def test_part_that_comes_after_the_body(
        self, new_chord: Any, tasks: SimpleNamespace, worker: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        made = new_chord("one")
        made.part_returns("one", 1)
        made.part_returns("one", 1)
        worker.run()
        assert tasks.calls == [[[1]]]
        assert f"Chord {made.group_id} has no counter" in caplog.text

    def test_counter_does_not_go_below_zero(self, new_chord: Any, worker: Any) -> None:
        """The column is unsigned: MySQL would refuse."""
        made = new_chord("one", "two")
        made.part_returns("one", 1)
        ChordCounter.objects.update(count=0)
        made.part_returns("one", 1)
        assert made.count == 1
        assert worker.run() == []

    def test_two_members_with_one_id(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one", "one")
        made.part_returns("one", 1)
        made.part_returns("one", 1)
        worker.run()
        assert tasks.calls == [[[1, 1]]]

    @pytest.mark.parametrize("missing", ["id", "group"])
    def test_request_that_is_no_part(self, new_chord: Any, missing: str, django_assert_num_queries: Any) -> None:
        made = new_chord("one")
        context = made.context("one")
        setattr(context, missing, None)
        with django_assert_num_queries(0):
            made.backend.on_chord_part_return(context, "SUCCESS", 1)
        assert made.count == 1

    def test_signature_that_was_a_message(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one")
        made.body = json.loads(json.dumps(made.body))
        made.part_returns("one", 1)
        worker.run()
        assert tasks.calls == [[[1]]]

    def test_callback_keeps_its_id(self, new_chord: Any, worker: Any) -> None:
        made = new_chord("one")
        made.part_returns("one", 1)
        worker.run()
        assert made.backend.get_result(made.body.id) == "recorded"

    def test_part_whose_result_is_ignored(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        """Celery stores nothing for it; the join needs its value."""
        result = chord([tasks.echo.s(1).set(ignore_result=True), tasks.echo.s(2)])(tasks.total.s())
        worker.run()
        assert tasks.calls == [[1, 2]]
        assert result.get(timeout=1) == 3

    def test_failed_part_whose_result_is_ignored(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        part = tasks.fail.s("no luck").set(ignore_result=True)
        result = chord([part, tasks.echo.s(2)])(tasks.total.s())
        worker.run()
        assert tasks.calls == []
        assert "no luck" in str(AsyncResult(result.id, app=app).get(timeout=1, propagate=False))

    def test_revoked_part(self, app: Celery, new_chord: Any, tasks: SimpleNamespace) -> None:
        made = new_chord("one", "two")
        made.part_returns("one", 1)
        made.backend.mark_as_revoked("two", "revoked", request=made.context("two"))
        error = AsyncResult(made.body.id, app=app).get(timeout=1, propagate=False)
        assert isinstance(error, ChordError)
        assert "Dependency two raised TaskRevokedError('revoked')" in str(error)

    def test_revoked_part_that_stores_nothing(self, new_chord: Any) -> None:
        made = new_chord("one", "two")
        made.backend.mark_as_revoked("two", "revoked", request=made.context("two"), store_result=False)
        assert made.count == 1
        assert made.backend.get_state("two") == "REVOKED"


def test_counter_of_2x_is_finished(app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
    """A row that 2.6 made, in a chord that was under way while the project was upgraded."""
    members = [result_from_tuple([["one", None], None], app=app), AsyncResult("two", app=app)]
    ChordCounter.objects.create(group_id="group", sub_tasks=json.dumps([m.as_tuple() for m in members]), count=1)
    app.backend.mark_as_done("one", 1)
    request = Context(id="two", group="group", chord=dict(tasks.record.s()), children=[])
    app.backend.mark_as_done("two", 2, request=request)
    worker.run()
    assert tasks.calls == [[[1, 2]]]
