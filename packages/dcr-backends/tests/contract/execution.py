"""Contract: what Celery's tracer stores while it runs a task can be read afterwards."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from celery import Celery, chain, states
from celery.exceptions import Ignore, Reject, TaskRevokedError, TimeLimitExceeded, WorkerLostError
from celery.result import AsyncResult
from celery.worker import state as worker_state
from celery.worker.request import Request

from .backend import BackendContract


class ExecutionContract(BackendContract):
    """Tasks that run in a worker, or eagerly."""

    @pytest.fixture
    def tasks(self, app: Celery, tasks: SimpleNamespace) -> SimpleNamespace:
        """Return the tasks of the app that has the backend under contract."""
        return tasks

    @pytest.mark.parametrize("protocol", [1, 2])
    def test_success(self, app: Celery, tasks: SimpleNamespace, worker: Any, protocol: int) -> None:
        app.conf.task_protocol = protocol
        result = tasks.add.delay(2, 3)
        assert result.state == states.PENDING
        worker.run()
        assert (result.state, result.get(timeout=1)) == (states.SUCCESS, 5)

    @pytest.mark.parametrize("protocol", [1, 2])
    def test_failure(self, app: Celery, tasks: SimpleNamespace, worker: Any, protocol: int) -> None:
        app.conf.task_protocol = protocol
        result = tasks.fail.delay("no luck")
        worker.run()
        assert result.state == states.FAILURE
        assert result.traceback.startswith("Traceback (most recent call last):")
        assert result.traceback.rstrip().endswith("ValueError: no luck")
        with pytest.raises(ValueError, match="no luck"):
            result.get(timeout=1)

    def test_started_is_tracked_on_request(self, app: Celery, worker: Any) -> None:
        seen: list[Any] = []

        @app.task(shared=False, bind=True, track_started=True)
        def look(self: Any) -> None:
            result = AsyncResult(self.request.id, app=app)
            seen.append((result.state, result.info["hostname"]))

        result = look.delay()
        worker.run()
        assert seen == [(states.STARTED, worker.hostname)]
        assert result.state == states.SUCCESS

    def test_task_reports_progress(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.report.delay("PROGRESS", {"done": 1, "of": 2})
        worker.run()
        assert tasks.calls == ["PROGRESS"]
        assert result.state == states.SUCCESS

    def test_retries_until_it_succeeds(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.flaky.delay(2)
        first = next(worker.receive())
        first.execute()
        assert (result.state, repr(result.result)) == (states.RETRY, "ValueError('attempt 0')")
        assert worker.run() == [tasks.flaky.name] * 2
        assert result.get(timeout=1) == 2

    def test_retries_are_used_up(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.flaky.delay(5)
        assert len(worker.run()) == 3
        assert result.state == states.FAILURE
        assert repr(result.result) == "ValueError('attempt 2')"

    def test_chain(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chain(tasks.add.s(1, 2), tasks.add.s(3), tasks.add.s(4))()
        worker.run()
        assert result.get(timeout=1) == 10
        assert [node.get(timeout=1) for node in (result.parent.parent, result.parent)] == [3, 6]

    def test_failed_chain(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chain(tasks.add.s(1, 2), tasks.fail.si("no luck"), tasks.add.s(4), tasks.add.s(5))()
        worker.run()
        assert result.parent.parent.parent.state == states.SUCCESS
        # The failure reaches those that will never run: whoever waits for them would wait for ever.
        assert (result.parent.parent.state, result.parent.state, result.state) == ("FAILURE",) * 3
        with pytest.raises(ValueError, match="no luck"):
            result.get(timeout=1, interval=0.01)

    def test_children(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.spawn.delay(1, 2)
        worker.run()
        again = AsyncResult(result.id, backend=self.another(app), app=app)
        assert [child.get(timeout=1) for child in again.children] == [2, 4]

    def test_callbacks_are_children(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.add.apply_async((1, 1), link=tasks.add.s(10))
        worker.run()
        assert [child.get(timeout=1) for child in result.children] == [12]

    def test_errback_with_the_error(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        seen = []

        @app.task(shared=False)
        def errback(request: Any, error: BaseException, traceback: Any) -> None:
            seen.append((request.id, repr(error), app.AsyncResult(request.id).state))

        result = tasks.fail.apply_async(("no luck",), link_error=errback.s())
        worker.run()
        assert seen == [(result.id, "ValueError('no luck')", states.FAILURE)]

    def test_errback_with_the_id(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        seen = []

        @app.task(shared=False)
        def errback(task_id: str) -> None:
            seen.append((task_id, app.AsyncResult(task_id).state))

        result = tasks.fail.apply_async(link_error=errback.s())
        worker.run()
        assert seen == [(result.id, states.FAILURE)]

    # What is not stored

    def test_ignored_result(self, app: Celery, worker: Any) -> None:
        @app.task(shared=False, ignore_result=True)
        def ignored() -> str:
            return "value"

        result = ignored.delay()
        worker.run()
        assert result.get(timeout=1) is None
        assert self.stored(app, result.id)["status"] == states.PENDING

    def test_ignored_by_the_caller(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.add.apply_async((1, 2), ignore_result=True)
        worker.run()
        assert self.stored(app, result.id)["status"] == states.PENDING

    @pytest.mark.parametrize("even_if_ignored", [False, True])
    def test_errors_of_ignored_results(self, app: Celery, worker: Any, even_if_ignored: bool) -> None:
        app.conf.task_store_errors_even_if_ignored = even_if_ignored

        @app.task(shared=False, ignore_result=True)
        def ignored(fails: bool) -> None:
            if fails:
                raise ValueError("no luck")

        failed, done = ignored.delay(True), ignored.delay(False)
        worker.run()
        assert self.stored(app, failed.id)["status"] == (states.FAILURE if even_if_ignored else states.PENDING)
        assert self.stored(app, done.id)["status"] == states.PENDING

    def test_ignore_leaves_the_state_that_the_task_set(self, app: Celery, worker: Any) -> None:
        @app.task(shared=False, bind=True)
        def own_state(self: Any) -> None:
            self.update_state(state="CANCELLED", meta={"why": "no need"})
            raise Ignore

        result = own_state.delay()
        worker.run()
        assert (result.state, result.info) == ("CANCELLED", {"why": "no need"})

    @pytest.mark.parametrize("stored", [False, True])
    def test_eager_results(self, app: Celery, tasks: SimpleNamespace, stored: bool) -> None:
        app.conf.update(task_always_eager=True, task_store_eager_result=stored)
        done, failed = tasks.add.delay(1, 2), tasks.fail.delay("no luck")
        assert done.get() == 3
        app.conf.task_always_eager = False  # Celery warns those who ask an eager app
        assert self.stored(app, done.id)["result"] == (3 if stored else None)
        assert self.stored(app, failed.id)["status"] == (states.FAILURE if stored else states.PENDING)

    # What the worker's main process stores

    def test_value_that_cannot_be_stored_is_a_failure(self, app: Celery, worker: Any) -> None:
        @app.task(shared=False)
        def unstorable() -> Any:
            return lambda: None

        result = unstorable.delay()
        if self.raises_encode_error:
            worker.run()
        else:
            with pytest.warns(RuntimeWarning, match="outside body"):
                worker.run()
        meta = self.stored(app, result.id)
        assert meta["status"] == states.FAILURE
        assert re.search("function|lambda", str(meta["result"]))

    def test_revoked_before_it_ran(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.record.delay()
        worker_state.revoked.add(result.id)
        worker.run()
        assert tasks.calls == []
        assert self.stored(app, result.id)["status"] == states.REVOKED
        with pytest.raises(TaskRevokedError, match="revoked"):
            result.get(timeout=1)

    def test_expired_before_it_ran(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.record.apply_async(expires=-60)
        worker.run()
        assert tasks.calls == []
        with pytest.raises(TaskRevokedError, match="expired"):
            result.get(timeout=1)

    def test_time_limit(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.add.delay(1, 2)
        [request] = worker.receive()
        request.on_timeout(soft=False, timeout=7)
        with pytest.raises(TimeLimitExceeded) as raised:
            AsyncResult(result.id, backend=self.another(app), app=app).get(timeout=1)
        assert "7" in str(raised.value)

    def test_lost_worker(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.add.delay(1, 2)
        [request] = worker.receive()
        self.fail_in_main_process(request, WorkerLostError("Worker exited prematurely: signal 9 (SIGKILL)"))
        with pytest.raises(WorkerLostError, match="SIGKILL"):
            AsyncResult(result.id, backend=self.another(app), app=app).get(timeout=1)

    def test_rejected_task_stores_nothing_of_its_own(self, app: Celery, worker: Any) -> None:
        @app.task(shared=False)
        def reject() -> None:
            raise Reject("not mine", requeue=True)

        result = reject.delay()
        worker.run()
        assert self.stored(app, result.id)["status"] == states.PENDING

    def fail_in_main_process(self, request: Request, error: Exception) -> None:
        """Tell the worker's main process that the child that ran ``request`` ended with ``error``."""
        try:
            raise error
        except type(error):
            request.on_failure(ExceptionInfo())
