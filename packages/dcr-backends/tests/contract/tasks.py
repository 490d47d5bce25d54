"""Contract: states, values and what belongs to them are stored, read back, waited for and forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, exceptions, states
from celery.app.task import Context
from celery.result import AsyncResult, GroupResult

from .backend import BackendContract


class TaskContract(BackendContract):
    """States and values of single tasks."""

    # States

    @pytest.mark.parametrize("state", sorted(states.ALL_STATES - states.EXCEPTION_STATES))
    def test_every_state_is_stored(self, app: Celery, backend: Any, task_id: str, state: str) -> None:
        backend.store_result(task_id, {"step": 1}, state)
        meta = self.stored(app, task_id)
        assert meta["status"] == state
        assert meta["result"] == {"step": 1}

    @pytest.mark.parametrize("state", sorted(states.EXCEPTION_STATES))
    def test_every_exception_state_is_stored(self, app: Celery, backend: Any, task_id: str, state: str) -> None:
        backend.store_result(task_id, KeyError("what"), state)
        meta = self.stored(app, task_id)
        assert meta["status"] == state
        assert type(meta["result"]) is KeyError
        assert meta["result"].args == ("what",)

    @pytest.mark.parametrize("state", ["PROGRESS", "half way", "wartet auf Prüfung", "s" * 50])
    def test_custom_states_are_stored(self, app: Celery, backend: Any, task_id: str, state: str) -> None:
        backend.store_result(task_id, {"done": 3, "of": 7}, state)
        result = AsyncResult(task_id, backend=self.another(app), app=app)
        assert result.state == state
        assert result.info == {"done": 3, "of": 7}
        assert not result.ready()

    def test_unknown_task_is_pending(self, app: Celery, backend: Any, task_id: str) -> None:
        result = AsyncResult(task_id, app=app)
        assert result.state == states.PENDING
        assert result.result is None
        assert result.traceback is None
        assert not result.children
        assert not result.ready()
        assert not result.successful()
        assert not result.failed()

    def test_states_follow_one_another(self, app: Celery, backend: Any, task_id: str) -> None:
        seen = []
        for state in (states.PENDING, states.RECEIVED, states.STARTED, "PROGRESS", states.SUCCESS):
            backend.store_result(task_id, state.lower(), state)
            meta = self.stored(app, task_id)
            seen.append((meta["status"], meta["result"]))
        assert [state for state, _ in seen] == ["PENDING", "RECEIVED", "STARTED", "PROGRESS", "SUCCESS"]
        assert [value for _, value in seen] == ["pending", "received", "started", "progress", "success"]

    def test_failure_can_become_success(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_failure(task_id, ValueError("first"), traceback="Traceback: first")
        backend.mark_as_done(task_id, "second")
        meta = self.stored(app, task_id)
        assert (meta["status"], meta["result"], meta["traceback"]) == (states.SUCCESS, "second", None)

    @pytest.mark.parametrize("later", ["PENDING", "STARTED", "PROGRESS", "RETRY", "FAILURE", "REVOKED", "SUCCESS"])
    def test_success_is_not_overwritten(self, app: Celery, backend: Any, task_id: str, later: str) -> None:
        backend.mark_as_done(task_id, "first")
        backend.store_result(task_id, ValueError("late") if later in states.EXCEPTION_STATES else "late", later)
        meta = self.stored(app, task_id)
        assert (meta["status"], meta["result"]) == (states.SUCCESS, "first")

    @pytest.mark.parametrize("state", ["success", "Success", "SUCCESSFUL"])
    def test_custom_state_that_resembles_success_is_not_final(
        self, app: Celery, backend: Any, task_id: str, state: str
    ) -> None:
        backend.store_result(task_id, "first", state)
        backend.store_result(task_id, "second", "PROGRESS")
        assert self.stored(app, task_id)["result"] == "second"

    def test_ids_are_free_text(self, app: Celery, backend: Any, task_id: str) -> None:
        ids = [f"order:42/{task_id}.retry-1", f"order:42/{task_id}.retry-2", f"{task_id}{'-' * 100}"]
        for position, own_id in enumerate(ids):
            backend.mark_as_done(own_id, position)
        assert [self.stored(app, own_id)["result"] for own_id in ids] == [0, 1, 2]

    # Waiting

    def test_get_returns_the_value(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_done(task_id, 42)
        assert AsyncResult(task_id, app=app).get(timeout=1) == 42

    def test_get_waits_until_the_task_is_ready(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.store_result(task_id, None, states.STARTED)
        polled: list[str] = []

        def meanwhile() -> None:  # Celery calls it once, after the first look
            polled.append(self.stored(app, task_id)["status"])
            self.another(app).mark_as_done(task_id, "value")

        assert AsyncResult(task_id, app=app).get(timeout=5, interval=0.01, on_interval=meanwhile) == "value"
        assert polled == [states.STARTED]

    def test_get_times_out(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.store_result(task_id, None, states.STARTED)
        with pytest.raises(exceptions.TimeoutError):
            AsyncResult(task_id, app=app).get(timeout=0.03, interval=0.01)

    def test_get_raises_what_the_task_raised(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_failure(task_id, KeyError("missing"), traceback="Traceback (most recent call last): …")
        with pytest.raises(KeyError, match="missing"):
            AsyncResult(task_id, app=app).get(timeout=1)

    def test_get_returns_the_exception_on_request(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_failure(task_id, KeyError("missing"))
        error = AsyncResult(task_id, app=app).get(timeout=1, propagate=False)
        assert type(error) is KeyError
        assert error.args == ("missing",)

    def test_get_calls_back(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_done(task_id, "value")
        seen: list[Any] = []
        AsyncResult(task_id, app=app).get(timeout=1, callback=lambda *args: seen.append(args))
        assert seen == [(task_id, "value")]

    def test_wait_is_get(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_done(task_id, [1])
        assert AsyncResult(task_id, app=app).wait(timeout=1) == [1]

    # What belongs to a task

    def test_attributes_of_a_finished_task(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_done(task_id, "value")
        result = AsyncResult(task_id, backend=self.another(app), app=app)
        assert (result.id, result.state, result.status) == (task_id, "SUCCESS", "SUCCESS")
        assert (result.result, result.info, result.traceback) == ("value", "value", None)
        assert (result.ready(), result.successful(), result.failed()) == (True, True, False)

    def test_attributes_of_a_failed_task(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_failure(task_id, ValueError("no"), traceback="Traceback: line 1\n  line 2 ☃")
        result = AsyncResult(task_id, backend=self.another(app), app=app)
        assert (result.state, repr(result.result)) == ("FAILURE", "ValueError('no')")
        assert result.traceback == "Traceback: line 1\n  line 2 ☃"
        assert (result.ready(), result.successful(), result.failed()) == (True, False, True)

    def test_date_done_is_the_time_of_the_last_write(self, app: Celery, backend: Any, task_id: str) -> None:
        before = datetime.now(UTC)
        backend.mark_as_done(task_id, "value")
        done = AsyncResult(task_id, backend=self.another(app), app=app).date_done
        assert before - timedelta(milliseconds=1) <= done <= datetime.now(UTC)

    @pytest.mark.parametrize("state", ["STARTED", "PROGRESS", "RETRY", "PENDING"])
    def test_date_done_is_none_until_ready(self, app: Celery, backend: Any, task_id: str, state: str) -> None:
        backend.store_result(task_id, ValueError("x") if state == "RETRY" else "x", state)
        assert self.stored(app, task_id)["date_done"] is None

    def test_extended_attributes(self, app: Celery, task_id: str) -> None:
        app.conf.result_extended = True
        request = Context(id=task_id, task="tests.send", args=[1, "two"], kwargs={"three": 4}, hostname="w@h")
        app.backend.mark_as_done(task_id, "value", request=request)
        result = AsyncResult(task_id, backend=self.another(app), app=app)
        assert (result.name, result.worker) == ("tests.send", "w@h")
        assert (result.args, result.kwargs) == ([1, "two"], {"three": 4})

    def test_without_extended_attributes(self, app: Celery, backend: Any, task_id: str) -> None:
        request = Context(id=task_id, task="tests.send", args=[1], kwargs={"three": 4}, hostname="w@h")
        backend.mark_as_done(task_id, "value", request=request)
        result = AsyncResult(task_id, backend=self.another(app), app=app)
        assert (result.name, result.worker, result.args, result.kwargs) == (None, None, None, None)

    def test_children_are_results_again(self, app: Celery, backend: Any, task_id: str) -> None:
        child = AsyncResult(uuid4().hex, app=app)
        group = GroupResult(uuid4().hex, [AsyncResult(uuid4().hex, app=app)], app=app)
        request = Context(id=task_id)
        request.children.extend([child, group])
        backend.mark_as_done(task_id, "value", request=request)
        assert AsyncResult(task_id, backend=self.another(app), app=app).children == [child, group]

    def test_collect_follows_children(self, app: Celery, backend: Any, task_id: str) -> None:
        child = AsyncResult(uuid4().hex, app=app)
        request = Context(id=task_id)
        request.children.append(child)
        backend.mark_as_done(task_id, "parent", request=request)
        with pytest.raises(exceptions.IncompleteStream):
            list(AsyncResult(task_id, app=app).iterdeps())
        backend.mark_as_done(child.id, "child")
        assert [value for _, value in AsyncResult(task_id, app=app).collect(timeout=1)] == ["parent", "child"]

    def test_failure_of_the_parent_is_raised(self, app: Celery, backend: Any, task_id: str) -> None:
        parent = AsyncResult(uuid4().hex, app=app)
        backend.mark_as_failure(parent.id, ValueError("of the parent"))
        with pytest.raises(ValueError, match="of the parent"):
            AsyncResult(task_id, app=app, parent=parent).get(timeout=1)

    def test_group_and_parent_of_the_request(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_done(task_id, "value", request=Context(id=task_id, group="g", parent_id="p"))
        meta = self.stored(app, task_id)
        kept = ("g", "p") if self.keeps_group_and_parent else (None, None)
        assert (meta.get("group_id"), meta.get("parent_id")) == kept

    # Forgetting and expiry

    def test_forget(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_done(task_id, "value")
        result = AsyncResult(task_id, app=app)
        assert result.get(timeout=1) == "value"
        result.forget()
        assert (result.state, result.result) == (states.PENDING, None)
        assert self.stored(app, task_id)["status"] == states.PENDING

    def test_forget_of_an_unknown_task_does_nothing(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.forget(task_id)
        assert backend.get_state(task_id) == states.PENDING

    def test_forgotten_id_can_run_again(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_done(task_id, "first")
        backend.forget(task_id)
        backend.store_result(task_id, None, states.STARTED)
        assert self.stored(app, task_id)["status"] == states.STARTED
        backend.mark_as_done(task_id, "second")
        assert self.stored(app, task_id)["result"] == "second"

    @pytest.mark.parametrize("expires", [None, 0, 3600, 90.5, timedelta(hours=1)])
    def test_results_outlive_cleanup_until_they_expire(self, app: Celery, task_id: str, expires: Any) -> None:
        app.conf.result_expires = expires
        app.backend.mark_as_done(task_id, "value")
        app.backend.cleanup()
        assert self.stored(app, task_id)["result"] == "value"
        app.backend.forget(task_id)

    def test_reload_replaces_what_was_cached(self, app: Celery, task_id: str) -> None:
        app.conf.result_cache_max = 10
        backend = app.backend
        backend.mark_as_done(task_id, "first")
        assert backend.get_result(task_id) == "first"
        other = self.another(app)
        other.forget(task_id)
        other.mark_as_done(task_id, "second")
        assert backend.get_result(task_id) == "first"
        backend.reload_task_result(task_id)
        assert backend.get_result(task_id) == "second"

    def test_accessors_of_the_backend(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_failure(task_id, ValueError("no"), traceback="Traceback: …")
        assert backend.get_state(task_id) == backend.get_status(task_id) == "FAILURE"
        assert repr(backend.get_result(task_id)) == "ValueError('no')"
        assert backend.get_traceback(task_id) == "Traceback: …"
        assert not backend.get_children(task_id)
