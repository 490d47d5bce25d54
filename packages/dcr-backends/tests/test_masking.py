"""``argsrepr`` and ``kwargsrepr`` are how a caller keeps secrets out of logs and tables."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, chain, chord

from dcr_models.models import ChordCounter, GroupResult, TaskResult

pytestmark = pytest.mark.django_db

SECRET = "4111-1111"


@pytest.fixture
def app(app: Celery) -> Celery:
    app.conf.result_extended = True
    return app


def row(task_id: str) -> TaskResult:
    return TaskResult.objects.get(task_id=task_id)


class TestMaskedArguments:
    """Each test ends with a search for the secret in every column of every table."""

    masked = {"argsrepr": "('***',)", "kwargsrepr": "{'card': '***'}"}

    @pytest.fixture(autouse=True)
    def no_secret_in_any_table(self, db: None) -> Iterator[None]:
        yield
        for model in (TaskResult, GroupResult, ChordCounter):
            for values in model.objects.values():
                assert SECRET not in repr(values)

    def test_success(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.record.apply_async((SECRET,), {}, **self.masked)
        worker.run()
        assert row(result.id).task_args == "\"('***',)\""
        assert row(result.id).status == "SUCCESS"

    def test_failure(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.fail.apply_async(("no luck", SECRET), {"card": SECRET}, **self.masked)
        worker.run()
        assert row(result.id).status == "FAILURE"

    def test_retry(self, tasks: SimpleNamespace, worker: Any) -> None:
        """Celery publishes the retry without the representations and makes new ones of the real arguments."""
        result = tasks.flaky.apply_async((2,), {"card": SECRET}, **self.masked)
        [first] = worker.receive()
        first.execute()
        assert row(result.id).status == "RETRY"
        [second] = worker.receive()
        assert SECRET in second.kwargsrepr
        second.execute()
        worker.run()
        assert row(result.id).status == "SUCCESS"
        assert row(result.id).task_kwargs == "\"{'card': '***'}\""

    def test_retries_that_are_used_up(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.flaky.apply_async((9,), {"card": SECRET}, **self.masked)
        worker.run()
        assert row(result.id).status == "FAILURE"

    def test_progress_of_a_retry(self, app: Celery, worker: Any) -> None:
        @app.task(shared=False, bind=True)
        def pay(self: Any, card: str) -> None:
            self.update_state(state="PROGRESS", meta=self.request.retries)
            if self.request.retries < 2:
                raise self.retry(countdown=0)

        result = pay.apply_async((SECRET,), **self.masked)
        worker.run()
        assert row(result.id).status == "SUCCESS"

    def test_retry_that_the_main_process_ends(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.flaky.apply_async((2,), {"card": SECRET}, **self.masked)
        next(worker.receive()).execute()
        [second] = worker.receive()
        second.on_timeout(soft=False, timeout=3)
        assert row(result.id).status == "FAILURE"

    def test_retry_of_a_task_without_a_row(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        """The row may be deleted while the retry waits."""
        result = tasks.flaky.apply_async((1,), {"card": SECRET}, **self.masked)
        next(worker.receive()).execute()
        app.backend.forget(result.id)
        worker.run()
        assert row(result.id).status == "SUCCESS"
        assert row(result.id).task_kwargs is None

    def test_retry_of_a_task_whose_row_knows_no_arguments(
        self, app: Celery, tasks: SimpleNamespace, worker: Any
    ) -> None:
        result = tasks.flaky.apply_async((1,), {"card": SECRET}, **self.masked)
        next(worker.receive()).execute()
        app.backend.forget(result.id)
        app.backend.store_result(result.id, None, "STARTED")
        worker.run()
        assert row(result.id).status == "SUCCESS"

    def test_retry_of_a_part_whose_result_is_ignored(self, tasks: SimpleNamespace, worker: Any) -> None:
        part = tasks.flaky.s(1, card=SECRET).set(ignore_result=True, **self.masked)
        result = chord([part])(tasks.record.si("body"))
        worker.run()
        assert row(result.id).status == "SUCCESS"

    def test_rest_of_a_failed_chain(self, tasks: SimpleNamespace, worker: Any) -> None:
        masked = tasks.echo.si(SECRET, card=SECRET).set(**self.masked)
        result = chain(tasks.fail.si("no luck"), masked)()
        worker.run()
        assert row(result.id).status == "FAILURE"
        assert row(result.id).task_args == "\"('***',)\""

    def test_parts_of_a_chord(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = chord([tasks.record.si(SECRET).set(**self.masked)])(tasks.record.si("body").set(**self.masked))
        worker.run()
        assert row(result.id).status == "SUCCESS"
