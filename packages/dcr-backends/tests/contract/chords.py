"""Contract: the body of a chord runs once, after all of the header, with the header's values in order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, chain, chord, group, states
from celery.exceptions import ChordError
from celery.result import AsyncResult

from .backend import BackendContract


class ChordContract(BackendContract):
    """Chords that Celery's own canvas publishes and its own tracer runs."""

    @pytest.fixture
    def tasks(self, app: Celery, tasks: SimpleNamespace) -> SimpleNamespace:
        """Return the tasks of the app that has the backend under contract."""
        return tasks

    def test_body_gets_the_values_in_order(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.add.s(n, n) for n in range(5)])(tasks.total.s())
        worker.run()
        assert tasks.calls == [[0, 2, 4, 6, 8]]
        assert result.get(timeout=1) == 20

    @pytest.mark.parametrize("size", [1, 2, 30])
    def test_body_is_sent_once(self, tasks: SimpleNamespace, worker: Any, size: int) -> None:
        result = chord([tasks.echo.s(n) for n in range(size)])(tasks.total.s())
        ran = worker.run()
        assert ran.count(tasks.echo.name) == size
        assert ran.count(tasks.total.name) == 1
        assert result.get(timeout=1) == sum(range(size))
        assert ("celery.chord_unlock" in ran) is not self.counts_parts
        assert worker.run() == []

    def test_body_is_not_sent_before_the_last_part(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.echo.s(1), tasks.echo.s(2)])(tasks.total.s())
        parts = [request for request in worker.receive() if request.name == tasks.echo.name]
        parts[0].execute()
        assert tasks.total.name not in [request.name for request in worker.receive()]
        assert self.stored(app, result.id)["status"] == states.PENDING

    def test_falsy_values_are_values(self, tasks: SimpleNamespace, worker: Any) -> None:
        chord([tasks.echo.s(value) for value in (None, 0, False, "", [])])(tasks.record.s())
        worker.run()
        assert tasks.calls == [[[None, 0, False, "", []]]]

    def test_arguments_of_the_body_follow_the_values(self, tasks: SimpleNamespace, worker: Any) -> None:
        chord([tasks.echo.s(1), tasks.echo.s(2)])(tasks.record.s("more"))
        worker.run()
        assert tasks.calls == [[[1, 2], "more"]]

    def test_immutable_body_gets_no_values(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.echo.s(1), tasks.echo.s(2)])(tasks.record.si("own argument"))
        worker.run()
        assert tasks.calls == [["own argument"]]
        assert result.get(timeout=1) == "recorded"

    def test_empty_header(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([], tasks.total.s()).apply_async()
        worker.run()
        assert tasks.calls == [[]]
        assert result.get(timeout=1) == 0

    def test_parts_that_are_chains(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([chain(tasks.add.s(1, 1), tasks.add.s(10)), tasks.echo.s(5)])(tasks.total.s())
        worker.run()
        assert tasks.calls == [[12, 5]]
        assert result.get(timeout=1) == 17

    def test_parts_that_are_groups(self, tasks: SimpleNamespace, worker: Any) -> None:
        """Celery unrolls them before a backend sees them, in an order of its own."""
        result = chord([group(tasks.echo.s(1), tasks.echo.s(2)), tasks.echo.s(3)])(tasks.record.s())
        worker.run()
        [[values]] = tasks.calls
        assert sorted(values) == [1, 2, 3]
        assert result.get(timeout=1) == "recorded"

    def test_body_that_is_a_chain(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.echo.s(1), tasks.echo.s(2)])(chain(tasks.total.s(), tasks.add.s(100)))
        worker.run()
        assert result.get(timeout=1) == 103

    def test_chord_in_a_chain(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chain(tasks.echo.s(3), group(tasks.add.s(1), tasks.add.s(2)), tasks.total.s(), tasks.add.s(100))()
        worker.run()
        assert tasks.calls == [[4, 5]]
        assert result.get(timeout=1) == 109

    def test_chord_after_a_chord(self, tasks: SimpleNamespace, worker: Any) -> None:
        first = chord([tasks.echo.s(1), tasks.echo.s(2)], tasks.total.s())
        result = chord([first, tasks.echo.s(10)])(tasks.total.s())
        worker.run()
        assert tasks.calls == [[1, 2], [3, 10]]
        assert result.get(timeout=1) == 13

    def test_parts_that_retry(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.flaky.s(2), tasks.flaky.s(1), tasks.flaky.s(0)])(tasks.total.s())
        worker.run()
        assert tasks.calls == [[2, 1, 0]]
        assert result.get(timeout=1) == 3

    def test_body_that_is_a_group(self, tasks: SimpleNamespace, worker: Any) -> None:
        body = group(tasks.total.s(), tasks.echo.s())
        result = chord([tasks.echo.s(1), tasks.echo.s(2)])(body)
        worker.run()
        assert result.get(timeout=1) == [3, [1, 2]]

    def test_chords_in_a_group(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = group(chord([tasks.echo.s(1), tasks.echo.s(2)], tasks.total.s()), tasks.echo.s(4))()
        worker.run()
        assert result.get(timeout=1) == [3, 4]

    def test_part_that_is_replaced(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        @app.task(shared=False, bind=True)
        def replaced(self: Any, number: int) -> None:
            raise self.replace(tasks.add.s(number, 10))

        result = chord([replaced.s(1), tasks.echo.s(2)])(tasks.total.s())
        worker.run()
        assert tasks.calls == [[11, 2]]
        assert result.get(timeout=1) == 13

    def test_part_that_is_replaced_by_a_group(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        @app.task(shared=False, bind=True)
        def replaced(self: Any, number: int) -> None:
            raise self.replace(group(tasks.add.s(number, 10), tasks.add.s(number, 20)))

        chord([replaced.s(1), tasks.echo.s(2)])(tasks.record.s())
        worker.run()
        assert tasks.calls == [[[[11, 21], 2]]]

    # Failure

    def error(self, app: Celery, result: AsyncResult) -> ChordError:
        """Return what the body failed with; its parents, the header, have errors of their own."""
        again = AsyncResult(result.id, backend=self.another(app), app=app)
        assert again.state == states.FAILURE
        error = again.get(timeout=1, propagate=False)
        assert isinstance(error, ChordError)
        return error

    def test_failed_part_fails_the_body_and_is_named(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        header = [tasks.echo.s(1), tasks.fail.s("no luck"), tasks.echo.s(3)]
        culprit = header[1].freeze().id
        result = chord(header)(tasks.total.s())
        worker.run()
        assert tasks.calls == []
        error = str(self.error(app, result))
        named = f"Dependency {culprit} raised ValueError('no luck')"
        assert error == (named if self.names_culprits else "ValueError('no luck')")

    def test_all_parts_fail(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.fail.s("one"), tasks.fail.s("two")])(tasks.total.s())
        worker.run()
        assert tasks.calls == []
        assert "ValueError" in str(self.error(app, result))

    def test_first_link_of_a_chain_fails(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([chain(tasks.fail.s("early"), tasks.echo.s()), tasks.echo.s(1)])(tasks.total.s())
        worker.run()
        assert tasks.calls == []
        assert "ValueError('early')" in str(self.error(app, result))

    def test_errback_of_the_body_is_called(self, tasks: SimpleNamespace, worker: Any) -> None:
        body = tasks.total.s().on_error(tasks.record.si("errback"))
        chord([tasks.echo.s(1), tasks.fail.s()])(body)
        worker.run()
        assert tasks.calls == [["errback"]]

    def test_errback_gets_the_chord_error(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        seen = []

        @app.task(shared=False)
        def errback(request: Any, error: BaseException, traceback: Any) -> None:
            seen.append((request.id, error))

        result = chord([tasks.echo.s(1), tasks.fail.s("no luck")])(tasks.total.s().on_error(errback.s()))
        worker.run()
        [(body_id, error)] = seen
        assert body_id == result.id
        assert isinstance(error, ChordError)
        assert "no luck" in str(error)

    def test_body_that_fails_is_an_ordinary_failure(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.echo.s(1)])(tasks.fail.si("in the body"))
        worker.run()
        with pytest.raises(ValueError, match="in the body"):
            result.get(timeout=1)
