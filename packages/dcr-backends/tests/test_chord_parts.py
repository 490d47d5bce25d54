"""Headers of every shape: what counts as a part, what is kept of it, and what the body gets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, chain, chord, group
from celery.exceptions import ChordError
from celery.result import AsyncResult

from dcr_models.models import ChordCounter, TaskResult

pytestmark = pytest.mark.django_db


def rows() -> set[str]:
    return set(TaskResult.objects.values_list("task_id", flat=True))


def error_of(app: Celery, task_id: str) -> BaseException:
    """Return what a task failed with, as a process reads it that did not write it."""
    error = AsyncResult(task_id, app=app, backend=app._get_backend()).get(timeout=1, propagate=False)
    assert isinstance(error, BaseException)
    return error


class TestPartsWithoutARow:
    """Celery stores nothing of them; the chord keeps a row while it counts."""

    def test_row_goes_with_the_counter(self, new_chord: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one", "two", "three")
        made.part_is_ignored("one", 1)
        made.part_is_ignored("two", 2)
        assert rows() == {"one", "two"}
        made.part_returns("three", 3)
        assert rows() == {"three"}
        worker.run()
        assert tasks.calls == [[[1, 2, 3]]]

    def test_row_goes_with_the_counter_of_an_immutable_body(
        self, new_chord: Any, tasks: SimpleNamespace, worker: Any
    ) -> None:
        made = new_chord("one", "two")
        made.body.set(immutable=True)
        made.part_is_ignored("one", 1)
        made.part_returns("two", 2)
        assert rows() == {"two"}
        worker.run()
        assert tasks.calls == [[]]

    def test_row_goes_where_the_chord_failed(self, new_chord: Any) -> None:
        made = new_chord("one", "two")
        made.part_is_ignored("one", 1)
        made.part_fails("two", ValueError("no luck"))
        assert rows() == {"two", made.body.id}

    def test_row_goes_after_a_sweep(self, new_chord: Any, raising: Any, tasks: SimpleNamespace, worker: Any) -> None:
        made = new_chord("one")
        with pytest.raises(SystemExit), raising(SystemExit, before="SET count = "):
            made.part_is_ignored("one", 1)
        assert made.backend.repair_chords().finished == [made.group_id]
        assert rows() == set()
        worker.run()
        assert tasks.calls == [[[1]]]

    def test_meta_of_the_task_is_kept_beside_the_mark(self, new_chord: Any) -> None:
        made = new_chord("one", "two")
        context = made.context("one")
        context.meta = {"tenant": "acme"}
        made.backend.mark_as_done("one", 1, request=context, store_result=False)
        assert made.backend.get_task_meta("one")["tenant"] == "acme"

    def test_values_that_are_stored_are_not_marked(self, new_chord: Any) -> None:
        made = new_chord("one")
        made.part_returns("one", 1)
        assert rows() == {"one"}

    def test_part_that_failed_and_stored_nothing(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one", "two")
        made.backend.mark_as_failure("one", KeyError("x"), request=made.context("one"), store_result=False)
        made.part_returns("two", 2)
        assert str(error_of(app, made.body.id)) == "Dependency one raised KeyError('x')"
        assert rows() == {"two", made.body.id}

    @pytest.mark.parametrize("ignore_result", [False, True])
    def test_value_that_cannot_be_encoded_fails_the_part(
        self, app: Celery, tasks: SimpleNamespace, worker: Any, ignore_result: bool
    ) -> None:
        @app.task(shared=False, ignore_result=ignore_result)
        def unspeakable() -> Any:
            return object()

        result = chord([unspeakable.s(), tasks.echo.s(2)])(tasks.record.s())
        culprit = result.parent[0].id
        worker.run()
        assert tasks.calls == []
        assert f"Dependency {culprit} raised EncodeError" in str(error_of(app, result.id))
        assert not ChordCounter.objects.exists()

    @pytest.mark.parametrize("size", [1, 3])
    def test_no_result_of_the_header_is_wanted(
        self, app: Celery, tasks: SimpleNamespace, worker: Any, size: int
    ) -> None:
        app.conf.task_ignore_result = True
        chord([tasks.echo.s(n) for n in range(size)])(tasks.record.s())
        worker.run()
        assert tasks.calls == [[list(range(size))]]
        assert rows() == set()


class TestGrowth:
    """``add_to_chord``, which a task of the header calls."""

    def test_body_waits_for_what_was_added(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        @app.task(shared=False, bind=True)
        def grows(self: Any) -> str:
            self.add_to_chord(tasks.echo.s("added"))
            return "first"

        result = chord([grows.s(), tasks.echo.s("second")])(tasks.record.s())
        ran = worker.run()
        assert ran.count(tasks.record.name) == 1
        assert tasks.calls == [[["first", "second", "added"]]]
        assert result.get(timeout=1) == "recorded"
        assert not ChordCounter.objects.exists()

    def test_grows_twice(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        @app.task(shared=False, bind=True)
        def grows(self: Any, more: int) -> int:
            if more:
                self.add_to_chord(grows.s(more - 1))
            return more

        chord([grows.s(3)])(tasks.record.s())
        worker.run()
        assert tasks.calls == [[[3, 2, 1, 0]]]

    def test_added_later_by_hand(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        """``lazy``: the caller sends it, maybe after the first part has returned."""
        lazy: list[Any] = []

        @app.task(shared=False, bind=True)
        def grows(self: Any) -> int:
            lazy.append(self.add_to_chord(tasks.echo.s(2), lazy=True))
            return 1

        chord([grows.s()])(tasks.record.s())
        worker.run()
        assert ChordCounter.objects.get().count == 1
        lazy[0].delay()
        worker.run()
        assert tasks.calls == [[[1, 2]]]

    def test_chord_that_is_finished_does_not_grow(self, app: Celery, new_chord: Any) -> None:
        made = new_chord("one")
        made.part_returns("one", 1)
        with pytest.raises(ChordError, match=f"header of chord {made.group_id} is closed: late would not be waited"):
            made.backend.add_to_chord(made.group_id, AsyncResult("late", app=app))


class TestShapes:
    @pytest.fixture(autouse=True)
    def nothing_is_left(self, db: None) -> Any:
        yield
        assert not ChordCounter.objects.exists()

    def test_chain_counts_once(self, tasks: SimpleNamespace, worker: Any) -> None:
        chord([chain(tasks.add.s(1, 1), tasks.add.s(2), tasks.add.s(3)), tasks.echo.s(5)])(tasks.record.s())
        assert ChordCounter.objects.get().count == 2
        worker.run()
        assert tasks.calls == [[[7, 5]]]

    @pytest.mark.parametrize("ignore_result", [False, True])
    def test_chain_that_fails_early(
        self, app: Celery, tasks: SimpleNamespace, worker: Any, ignore_result: bool
    ) -> None:
        """The task that is the part never runs: Celery says that it failed."""
        links = [tasks.fail.s("early"), tasks.echo.s(), tasks.echo.s()]
        part = chain(*(link.set(ignore_result=ignore_result) for link in links))
        result = chord([part, tasks.echo.s(1)])(tasks.record.s())
        culprit = result.parent[0].id
        worker.run()
        assert tasks.calls == []
        assert str(error_of(app, result.id)) == f"Dependency {culprit} raised ValueError('early')"

    def test_group_of_chains(self, tasks: SimpleNamespace, worker: Any) -> None:
        header = group(chain(tasks.echo.s(n), tasks.add.s(10)) for n in range(3))
        chord(header)(tasks.record.s())
        worker.run()
        assert tasks.calls == [[[10, 11, 12]]]

    def test_chain_that_ends_in_a_group(self, tasks: SimpleNamespace, worker: Any) -> None:
        part = chain(tasks.echo.s(1), group(tasks.add.s(1), tasks.add.s(2)))
        chord([part, tasks.echo.s(9)])(tasks.record.s())
        worker.run()
        assert tasks.calls == [[[[2, 3], 9]]]

    def test_chord_of_chords(self, tasks: SimpleNamespace, worker: Any) -> None:
        inner = [chord([tasks.echo.s(n), tasks.echo.s(n + 1)], tasks.total.s()) for n in (1, 10)]
        chord(inner)(tasks.record.s())
        worker.run()
        assert tasks.calls[-1] == [[3, 21]]
        assert sorted(tasks.calls[:-1]) == [[1, 2], [10, 11]]

    def test_three_chords_in_one_another(self, tasks: SimpleNamespace, worker: Any) -> None:
        innermost = chord([tasks.echo.s(1), tasks.echo.s(2)], tasks.total.s())
        middle = chord([innermost, tasks.echo.s(10)], tasks.total.s())
        result = chord([middle, tasks.echo.s(100)])(tasks.total.s())
        worker.run()
        assert tasks.calls == [[1, 2], [3, 10], [13, 100]]
        assert result.get(timeout=1) == 113

    def test_inner_chord_that_fails(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        inner = chord([tasks.fail.s("inside"), tasks.echo.s(1)], tasks.total.s())
        result = chord([inner, tasks.echo.s(2)])(tasks.record.s())
        worker.run()
        # Celery stores that the inner body failed, and lets no part return for it: that row is what counts.
        assert len(app.backend.repair_chords().finished) == 1
        worker.run()
        assert tasks.calls == []
        assert "ValueError('inside')" in str(error_of(app, result.id))

    def test_body_that_is_a_chord(self, tasks: SimpleNamespace, worker: Any) -> None:
        body = chord([tasks.add.si(1, 1), tasks.add.si(2, 2)], tasks.record.s())
        chain(group(tasks.echo.s(1), tasks.echo.s(2)), body)()
        worker.run()
        assert tasks.calls == [[[2, 4]]]

    def test_part_that_is_replaced_by_a_chord(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        @app.task(shared=False, bind=True)
        def replaced(self: Any) -> None:
            raise self.replace(chord([tasks.echo.s(1), tasks.echo.s(2)], tasks.total.s()))

        chord([replaced.s(), tasks.echo.s(4)])(tasks.record.s())
        worker.run()
        assert tasks.calls == [[1, 2], [[3, 4]]]

    def test_part_that_is_replaced_by_a_chain_and_ignored(
        self, app: Celery, tasks: SimpleNamespace, worker: Any
    ) -> None:
        @app.task(shared=False, bind=True)
        def replaced(self: Any) -> None:
            raise self.replace(chain(tasks.echo.s(1), tasks.add.s(1)))

        chord([replaced.s(), tasks.echo.s(4).set(ignore_result=True)])(tasks.record.s())
        worker.run()
        assert tasks.calls == [[[2, 4]]]
