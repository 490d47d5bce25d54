"""``django-db``: which columns a result gets, what is read back of them, and at how many statements."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, states
from celery.app.task import Context
from celery.result import AsyncResult
from django.utils import timezone

from dcr_backends import database
from dcr_backends.database import DatabaseBackend
from dcr_models import models
from dcr_models.models import TaskResult

pytestmark = pytest.mark.django_db


@pytest.fixture
def backend(app: Celery) -> DatabaseBackend:
    return app.backend


@pytest.fixture
def request_(app: Celery, task_id: str) -> Context:
    """Return a worker's request, and have its columns stored."""
    app.conf.result_extended = True
    return Context(id=task_id, task="shop.pay", hostname="w@h", args=[1], kwargs={"a": 2}, argsrepr="(1,)")


def row(task_id: str) -> TaskResult:
    return TaskResult.objects.get(task_id=task_id)


class TestBackend:
    def test_names(self, configured: Callable[..., Any]) -> None:
        assert isinstance(configured(result_backend="django-db"), DatabaseBackend)

    @pytest.mark.parametrize("path", ["dcr_backends.database:DatabaseBackend", "dcr_backends.database.DatabaseBackend"])
    def test_dotted_path(self, configured: Callable[..., Any], path: str) -> None:
        assert isinstance(configured(result_backend=path), DatabaseBackend)

    def test_uri(self, backend: DatabaseBackend) -> None:
        assert backend.as_uri() == backend.as_uri(include_password=True) == "django-db"

    def test_surface_of_2x(self, backend: DatabaseBackend) -> None:
        assert backend.TaskModel is models.TaskResult
        assert backend.GroupModel is models.GroupResult
        assert backend.subpolling_interval == 0.5
        assert database.EXCEPTIONS_TO_CATCH[0].__name__ == "InterfaceError"
        assert callable(database.trigger_callback)

    def test_pickle(self, app: Celery, backend: DatabaseBackend, task_id: str) -> None:
        backend.mark_as_done(task_id, "value")
        again = pickle.loads(pickle.dumps(backend))
        assert type(again) is DatabaseBackend
        assert again.app is app
        assert again.get_result(task_id) == "value"

    def test_pickled_result_can_be_asked(self, app: Celery, backend: DatabaseBackend, task_id: str) -> None:
        backend.mark_as_done(task_id, "value")
        assert pickle.loads(pickle.dumps(AsyncResult(task_id, app=app))).get(timeout=1) == "value"


class TestWriting:
    def test_only_what_is_known(self, backend: DatabaseBackend, task_id: str, request_: Context) -> None:
        request_.periodic_task_name = "nightly"
        backend.store_result(task_id, None, "STARTED", request=request_)
        first = row(task_id)
        backend.mark_as_done(task_id, "value")  # without a request
        second = row(task_id)
        kept = ("task_name", "worker", "task_args", "task_kwargs", "periodic_task_name", "date_created", "date_started")
        assert {name: getattr(second, name) for name in kept} == {name: getattr(first, name) for name in kept}
        assert (second.task_name, second.worker, second.task_args) == ("shop.pay", "w@h", '"(1,)"')
        assert second.date_done > first.date_done

    def test_another_worker_takes_over(self, backend: DatabaseBackend, task_id: str, request_: Context) -> None:
        backend.store_result(task_id, None, "STARTED", request=request_)
        request_.hostname = "second@host"
        backend.mark_as_done(task_id, "value", request=request_)
        assert row(task_id).worker == "second@host"

    @pytest.mark.parametrize("extended", [False, True])
    def test_traceback_is_always_kept(self, app: Celery, task_id: str, extended: bool) -> None:
        app.conf.result_extended = extended
        app.backend.mark_as_failure(task_id, ValueError(), traceback="Traceback: …", request=Context(id=task_id))
        assert row(task_id).traceback == "Traceback: …"
        assert app.AsyncResult(task_id).traceback == "Traceback: …"

    def test_traceback_of_an_earlier_run_goes(self, backend: DatabaseBackend, task_id: str) -> None:
        backend.mark_as_retry(task_id, ValueError(), traceback="Traceback: …")
        backend.mark_as_done(task_id, "value")
        assert row(task_id).traceback is None

    def test_traceback_may_be_any_object(self, backend: DatabaseBackend, task_id: str) -> None:
        class Traceback:
            def __str__(self) -> str:
                return "as text"

        backend.mark_as_failure(task_id, ValueError(), traceback=Traceback())
        assert row(task_id).traceback == "as text"

    def test_date_started(self, backend: DatabaseBackend, task_id: str) -> None:
        before = timezone.now()
        backend.store_result(task_id, {"pid": 1}, "STARTED")
        started = row(task_id).date_started
        assert before <= started <= timezone.now()
        assert started.utcoffset() == timedelta(0)

    def test_date_started_is_kept(self, backend: DatabaseBackend, task_id: str) -> None:
        backend.store_result(task_id, {"pid": 1}, "STARTED")
        first = row(task_id)
        for state in ("RETRY", "STARTED", "SUCCESS"):
            backend.store_result(task_id, None, state)
        assert row(task_id).date_started == first.date_started
        assert row(task_id).date_created == first.date_created

    def test_date_started_is_unknown_without_that_state(self, backend: DatabaseBackend, task_id: str) -> None:
        backend.mark_as_done(task_id, "value")
        assert row(task_id).date_started is None

    def test_success_can_be_made_overwritable(self, backend: DatabaseBackend, task_id: str, settings: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = {"SUCCESS_IS_FINAL": False}
        backend.mark_as_done(task_id, "first")
        backend.mark_as_failure(task_id, ValueError("late"))
        assert row(task_id).status == states.FAILURE

    def test_rejected_write_changes_nothing(self, backend: DatabaseBackend, task_id: str, request_: Context) -> None:
        backend.mark_as_done(task_id, "first")
        before = TaskResult.objects.filter(task_id=task_id).values().get()
        backend.mark_as_failure(task_id, ValueError("late"), traceback="late", request=request_, call_errbacks=False)
        assert TaskResult.objects.filter(task_id=task_id).values().get() == before

    def test_store_result_returns_what_was_given(self, backend: DatabaseBackend, task_id: str) -> None:
        """Celery's own return value of ``store_result``; ``_store_result`` returns the text."""
        assert backend.store_result(task_id, {"a": 1}, "PROGRESS") == {"a": 1}
        assert backend._store_result(task_id, {"a": 1}, "PROGRESS") == '{"a": 1}'


class TestOddText:
    def test_nul_in_what_describes_a_task(self, backend: DatabaseBackend, task_id: str, request_: Context) -> None:
        request_.update(task="shop\x00pay", hostname="w\x00", argsrepr="a\x00b")
        backend.mark_as_failure(
            task_id, ValueError("a\x00b"), traceback="a\x00b", request=request_, call_errbacks=False
        )
        assert row(task_id).task_name.replace("\\x00", "\x00") == "shop\x00pay"
        assert row(task_id).traceback.replace("\\x00", "\x00") == "a\x00b"
        assert backend.get_result(task_id).args == ("a\x00b",)

    def test_names_that_are_too_long_are_cut(self, backend: DatabaseBackend, task_id: str, request_: Context) -> None:
        request_.update(task="t" * 300, hostname="w" * 300, periodic_task_name="p" * 300)
        backend.mark_as_done(task_id, "value", request=request_)
        stored = row(task_id)
        assert stored.task_name == "t" * 254 + "…"
        assert stored.worker == "w" * 99 + "…"
        assert stored.periodic_task_name == "p" * 254 + "…"

    def test_id_that_is_a_uuid(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        """kombu's JSON gives the worker a UUID again, where the broker is one that keeps headers as JSON."""
        task_id = uuid4()
        result = tasks.add.apply_async((1, 2), task_id=task_id)
        worker.run()
        assert result.get(timeout=1) == 3
        assert app.AsyncResult(str(task_id)).get(timeout=1) == 3
        app.backend.forget(task_id)
        assert not TaskResult.objects.exists()

    def test_id_that_is_too_long_is_refused(self, backend: DatabaseBackend) -> None:
        with pytest.raises(ValueError, match="DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH"):
            backend.mark_as_done("i" * 256, "value")
        assert not TaskResult.objects.exists()

    def test_lone_surrogate(self, backend: DatabaseBackend, task_id: str, request_: Context) -> None:
        """Text of file names, as ``os.fsdecode`` gives it."""
        request_.argsrepr = "('caf\udce9',)"
        backend.mark_as_failure(task_id, OSError("caf\udce9"), traceback="caf\udce9", request=request_)
        assert row(task_id).traceback == "caf\\udce9"
        assert backend.get_result(task_id).args == ("caf\udce9",)


class TestReading:
    def test_attributes(self, app: Celery, backend: DatabaseBackend, task_id: str, request_: Context) -> None:
        backend.mark_as_done(task_id, "value", request=request_)
        result = AsyncResult(task_id, app=app)
        assert (result.name, result.worker, result.args, result.kwargs) == ("shop.pay", "w@h", "(1,)", {"a": 2})
        assert result.date_done == row(task_id).date_done
        assert result.date_done.tzinfo is not None

    def test_keys_of_2x_beside_celerys_own(self, backend: DatabaseBackend, task_id: str, request_: Context) -> None:
        backend.mark_as_done(task_id, "value", request=request_)
        meta = backend.get_task_meta(task_id)
        assert {
            "task_id": task_id,
            "status": "SUCCESS",
            "result": "value",
            "traceback": None,
            "children": [],
            "name": "shop.pay",
            "task_name": "shop.pay",
            "args": "(1,)",
            "task_args": "(1,)",
            "kwargs": {"a": 2},
            "task_kwargs": {"a": 2},
            "worker": "w@h",
        }.items() <= meta.items()

    def test_unknown_task(self, backend: DatabaseBackend, task_id: str) -> None:
        meta = backend.get_task_meta(task_id)
        assert (meta["status"], meta["result"], meta["date_done"], meta["task_id"]) == ("PENDING", None, None, task_id)
        assert not TaskResult.objects.exists()

    @pytest.mark.parametrize("state", ["PENDING", "RECEIVED", "STARTED", "RETRY", "PROGRESS"])
    def test_date_done_while_it_runs(self, backend: DatabaseBackend, task_id: str, state: str) -> None:
        backend.store_result(task_id, None, state)
        assert backend.get_task_meta(task_id)["date_done"] is None
        assert row(task_id).date_done is not None  # the time of the last write

    @pytest.mark.parametrize("state", ["SUCCESS", "FAILURE", "REVOKED"])
    def test_date_done_when_ready(self, backend: DatabaseBackend, task_id: str, state: str) -> None:
        before = datetime.now(UTC)
        backend.store_result(task_id, None, state)
        assert before <= backend.get_task_meta(task_id)["date_done"] <= datetime.now(UTC)

    def test_row_that_somebody_made_by_hand(self, backend: DatabaseBackend, task_id: str) -> None:
        TaskResult.objects.create(task_id=task_id, status="SUCCESS")
        meta = backend.get_task_meta(task_id)
        assert (meta["status"], meta["result"], meta["args"]) == ("SUCCESS", None, None)
