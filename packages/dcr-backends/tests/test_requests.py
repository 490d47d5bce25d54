"""What reaches the table of each kind of request that Celery makes, and what must never reach it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from celery import Celery, chain
from celery.app.task import Context
from celery.exceptions import WorkerLostError
from celery.local import Proxy
from celery.result import AsyncResult
from kombu.exceptions import EncodeError

from dcr_models.models import TaskResult

pytestmark = pytest.mark.django_db


@pytest.fixture
def app(app: Celery) -> Celery:
    app.conf.result_extended = True
    return app


def row(task_id: str) -> TaskResult:
    return TaskResult.objects.get(task_id=task_id)


def described(task_id: str) -> tuple[Any, ...]:
    stored = row(task_id)
    return stored.task_name, stored.worker, stored.task_args, stored.task_kwargs, stored.periodic_task_name


class TestExtendedColumns:
    def test_protocol_2(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.echo.delay(1, key="ä")
        worker.run()
        assert described(result.id) == ("tests.echo", worker.hostname, '"(1,)"', "\"{'key': '\\u00e4'}\"", None)

    def test_protocol_1(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        app.conf.task_protocol = 1
        result = tasks.echo.delay(1, key="b")
        worker.run()
        assert described(result.id) == ("tests.echo", worker.hostname, '"[1]"', "\"{'key': 'b'}\"", None)

    def test_message_without_representations(self, app: Celery, task_id: str) -> None:
        request = Context(id=task_id, task="shop.pay", args=[1, 2], kwargs={"a": 3}, hostname="w@h")
        app.backend.mark_as_done(task_id, None, request=request)
        assert described(task_id) == ("shop.pay", "w@h", "[1, 2]", '{"a": 3}', None)

    def test_eager(self, app: Celery, tasks: SimpleNamespace) -> None:
        app.conf.task_store_eager_result = True
        result = tasks.echo.apply((1,), {"key": "b"}, headers={"periodic_task_name": "nightly"})
        name, _, args, kwargs, periodic = described(result.id)
        assert (name, args, kwargs, periodic) == ("tests.echo", "[1]", '{"key": "b"}', "nightly")

    def test_result_of_a_partial_request(self, app: Celery, task_id: str) -> None:
        app.backend.store_result(task_id, 1, "PROGRESS", request=Context(task="shop.pay"))
        assert described(task_id) == ("shop.pay", None, None, None, None)

    def test_without_a_request(self, app: Celery, task_id: str) -> None:
        app.backend.store_result(task_id, 1, "PROGRESS")
        assert described(task_id) == (None,) * 5

    @pytest.mark.parametrize("request_", [object(), {}, SimpleNamespace(task=5, argsrepr=None, children=[])])
    def test_request_that_is_none(self, app: Celery, task_id: str, request_: Any) -> None:
        app.backend.store_result(task_id, 1, "PROGRESS", request=request_)
        assert described(task_id) == (None,) * 5

    def test_proxy(self, app: Celery, task_id: str) -> None:
        request = Context(id=task_id, task="shop.pay", args=[1], kwargs={})
        request.children.append(AsyncResult("child", app=app))
        app.backend.mark_as_done(task_id, 1, request=Proxy(lambda: request))
        assert described(task_id)[0] == "shop.pay"
        assert AsyncResult(task_id, app=app).children == ["child"]

    def test_off_by_default(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        app.conf.result_extended = False
        result = tasks.echo.delay(1)
        worker.run()
        assert described(result.id) == (None,) * 5

    def test_worker_request(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.echo.delay(1, key="b")
        [request] = worker.receive()
        app.backend.mark_as_failure(result.id, ValueError("from the main process"), request=Context(vars(request)))
        app.backend.store_result(result.id, None, "PROGRESS", request=request)
        assert described(result.id) == ("tests.echo", worker.hostname, '"(1,)"', "\"{'key': 'b'}\"", None)

    def test_time_limit_and_lost_worker(self, tasks: SimpleNamespace, worker: Any) -> None:
        first, second = tasks.echo.delay(1), tasks.echo.delay(2)
        limited, lost = worker.receive()
        limited.on_timeout(soft=False, timeout=3)
        try:
            raise WorkerLostError("signal 9")
        except WorkerLostError:
            lost.on_failure(ExceptionInfo())
        assert described(first.id)[:3] == ("tests.echo", worker.hostname, '"(1,)"')
        assert described(second.id)[:3] == ("tests.echo", worker.hostname, '"(2,)"')

    def test_rest_of_a_failed_chain(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = chain(tasks.fail.si("no luck"), tasks.add.s(1), tasks.echo.si("x", key="y"))()
        worker.run()
        assert described(result.id) == ("tests.echo", None, '["x"]', '{"key": "y"}', None)
        assert described(result.parent.id) == ("tests.add", None, "[1]", "{}", None)
        assert row(result.parent.id).status == "FAILURE"

    def test_errors_of_the_project_are_not_hidden(self, app: Celery, task_id: str) -> None:
        class Broken:
            children = ()

            @property
            def task(self) -> str:
                raise RuntimeError("broken request")

        with pytest.raises(RuntimeError, match="broken request"):
            app.backend.store_result(task_id, 1, "PROGRESS", request=Broken())


class TestPeriodicTaskName:
    def test_header(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.echo.apply_async(headers={"periodic_task_name": "nightly"})
        worker.run()
        assert row(result.id).periodic_task_name == "nightly"

    def test_option_as_django_celery_beat_sets_it(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.echo.apply_async(periodic_task_name="nightly")
        worker.run()
        assert row(result.id).periodic_task_name == "nightly"

    def test_attribute(self, app: Celery, task_id: str) -> None:
        app.backend.mark_as_done(task_id, 1, request=Context(id=task_id, periodic_task_name="nightly"))
        assert row(task_id).periodic_task_name == "nightly"

    def test_name_survives_a_retry(self, tasks: SimpleNamespace, worker: Any) -> None:
        result = tasks.flaky.apply_async((1,), headers={"periodic_task_name": "nightly"})
        worker.run()
        assert row(result.id).status == "SUCCESS"
        assert row(result.id).periodic_task_name == "nightly"


class TestRequestMeta:
    """A task may put what it likes into ``self.request.meta``."""

    def test_comes_back_in_the_meta(self, app: Celery, worker: Any) -> None:
        @app.task(shared=False, bind=True)
        def report(self: Any) -> str:
            self.request.meta = {"rows": 17, "source": "ä"}
            return "value"

        result = report.delay()
        worker.run()
        meta = app.backend.get_task_meta(result.id)
        assert (meta["rows"], meta["source"], meta["result"]) == (17, "ä", "value")
        assert meta["children"] == []

    def test_of_the_task_that_runs(self, app: Celery, worker: Any, task_id: str) -> None:
        """Stored without a request, the current task's is used, as Celery does for children."""

        @app.task(shared=False, bind=True)
        def report(self: Any) -> None:
            self.request.meta = {"rows": 17}
            app.backend.store_result(task_id, None, "PROGRESS")

        report.delay()
        worker.run()
        assert app.backend.get_task_meta(task_id)["rows"] == 17

    def test_cannot_take_the_place_of_a_column(self, app: Celery, task_id: str) -> None:
        forged = {
            "status": "SUCCESS", "result": "forged", "task_id": "forged", "traceback": "forged", "worker": "forged",
            "name": "forged", "args": "forged", "kwargs": "forged", "task_name": "forged", "task_args": "forged",
            "task_kwargs": "forged", "date_done": "forged", "children": "forged",
        }  # fmt: skip
        request = Context(id=task_id, task="shop.pay", args=[1], kwargs={}, hostname="w@h", meta=forged)
        app.backend.store_result(task_id, ValueError("true"), "RETRY", request=request)
        meta = app.backend.get_task_meta(task_id)
        assert "forged" not in [value for key, value in meta.items() if key != "meta"]
        assert (meta["status"], meta["name"], meta["args"], meta["date_done"]) == ("RETRY", "shop.pay", [1], None)

    def test_that_cannot_be_encoded_fails_the_task(self, app: Celery, worker: Any) -> None:
        @app.task(shared=False, bind=True)
        def report(self: Any) -> str:
            self.request.meta = {"connection": object()}
            return "value"

        result = report.delay()
        worker.run()
        assert row(result.id).status == "FAILURE"
        assert isinstance(AsyncResult(result.id, app=app).result, EncodeError)

    def test_that_cannot_be_encoded_does_not_hide_a_failure(
        self, app: Celery, task_id: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        request = Context(id=task_id, meta={"connection": object()})
        request.children.append(AsyncResult("child", app=app))
        app.backend.mark_as_failure(task_id, ValueError("no luck"), request=request, call_errbacks=False)
        assert repr(app.backend.get_result(task_id)) == "ValueError('no luck')"
        assert AsyncResult(task_id, app=app).children == ["child"]
        assert "request.meta of a failed task cannot be encoded" in caplog.text

    @pytest.mark.parametrize("own", [None, [], "text", 5, [("a", 1)]])
    def test_that_is_no_mapping_is_left_out(self, app: Celery, task_id: str, own: Any) -> None:
        app.backend.mark_as_done(task_id, "value", request=Context(id=task_id, meta=own))
        assert row(task_id).meta == '{"children": []}'

    @pytest.mark.parametrize("stored", ["[1, 2]", '"text"', "5", "null"])
    def test_column_of_another_shape(self, app: Celery, task_id: str, stored: str) -> None:
        app.backend.mark_as_done(task_id, "value")
        TaskResult.objects.update(meta=stored)
        assert app.backend.get_task_meta(task_id)["result"] == "value"
