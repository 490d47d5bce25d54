"""A project keeps results in models of its own: ``TaskModel`` and ``GroupModel`` of a subclass."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, chord
from celery.app.task import Context
from celery.result import AsyncResult, GroupResult
from django.db import models as django_models
from django.db.models.signals import post_save
from django.utils import timezone

from dcr_backends.database import DatabaseBackend
from dcr_models import models
from dcr_testkit.userland.models import InheritedTaskResult, TaskResultProxy, TenantGroupResult, TenantTaskResult

pytestmark = pytest.mark.django_db


class TenantBackend(DatabaseBackend):
    """Keeps the tenant that the sender put into a header."""

    TaskModel = TenantTaskResult
    GroupModel = TenantGroupResult

    def _get_extended_properties(self, request: Any, traceback: Any) -> dict[str, Any]:
        columns = super()._get_extended_properties(request, traceback)
        headers = getattr(request, "headers", None) or {}
        if "tenant" in headers:
            columns["tenant"] = headers["tenant"]
        return columns


class InheritingBackend(DatabaseBackend):
    """As projects extended results in 2.x."""

    TaskModel = InheritedTaskResult

    def _get_extended_properties(self, request: Any, traceback: Any) -> dict[str, Any]:
        return {**super()._get_extended_properties(request, traceback), "note": "from the backend"}


class ProxyBackend(DatabaseBackend):
    TaskModel = TaskResultProxy


class OldHooksBackend(DatabaseBackend):
    """Hooks written for 2.x, which had a value for every column."""

    def _get_extended_properties(self, request: Any, traceback: Any) -> dict[str, Any]:
        columns = dict.fromkeys(("periodic_task_name", "task_args", "task_kwargs", "task_name", "worker"))
        return {**columns, "traceback": traceback, "task_name": "own name", "no_such_column": 5}

    def _get_meta_from_request(self, request: Any = None) -> dict[str, Any]:
        return {"own": "meta"}


def use(app: Celery, backend: type[DatabaseBackend]) -> Any:
    app.conf.result_backend = f"{__name__}:{backend.__name__}"
    assert type(app.backend) is backend
    return app.backend


class TestOwnColumns:
    @pytest.mark.parametrize("extended", [False, True])
    def test_tenant_is_stored(self, app: Celery, tasks: SimpleNamespace, worker: Any, extended: bool) -> None:
        app.conf.result_extended = extended
        use(app, TenantBackend)
        result = tasks.add.apply_async((1, 2), headers={"tenant": "acme"})
        worker.run()
        stored = TenantTaskResult.objects.get(task_id=result.id)
        assert (stored.tenant, stored.status, stored.cost) == ("acme", "SUCCESS", None)
        assert stored.task_name == ("tests.add" if extended else None)
        assert result.get(timeout=1) == 3
        assert not models.TaskResult.objects.exists()

    def test_default_of_an_own_column(self, app: Celery, task_id: str) -> None:
        use(app, TenantBackend).mark_as_done(task_id, "value")
        assert TenantTaskResult.objects.get().tenant == "unknown"

    def test_own_column_is_kept_by_a_write_that_does_not_know_it(self, app: Celery, task_id: str) -> None:
        backend = use(app, TenantBackend)
        backend.store_result(task_id, None, "STARTED", request=Context(id=task_id, headers={"tenant": "acme"}))
        backend.mark_as_done(task_id, "value")
        assert TenantTaskResult.objects.get().tenant == "acme"

    def test_one_statement(self, app: Celery, task_id: str, django_assert_num_queries: Any) -> None:
        backend = use(app, TenantBackend)
        with django_assert_num_queries(1):
            backend.mark_as_done(task_id, "value", request=Context(id=task_id, headers={"tenant": "acme"}))
        with django_assert_num_queries(1):
            backend.forget(task_id)
        assert not TenantTaskResult.objects.exists()

    def test_success_is_final(self, app: Celery, task_id: str) -> None:
        backend = use(app, TenantBackend)
        backend.mark_as_done(task_id, "first")
        backend.mark_as_failure(task_id, ValueError("late"))
        assert backend.get_result(task_id) == "first"

    def test_groups(self, app: Celery, task_id: str) -> None:
        backend = use(app, TenantBackend)
        group = GroupResult(task_id, [AsyncResult("one", app=app)], app=app)
        group.save()
        assert TenantGroupResult.objects.get().tenant == "unknown"
        assert GroupResult.restore(task_id, app=app) == group
        backend.delete_group(task_id)
        assert not TenantGroupResult.objects.exists()
        assert not models.GroupResult.objects.exists()

    def test_chord_counts_rows_of_the_own_model(self, app: Celery, tasks: SimpleNamespace, worker: Any) -> None:
        use(app, TenantBackend)
        result = chord([tasks.echo.s(n) for n in range(3)])(tasks.total.s())
        worker.run()
        assert result.get(timeout=1) == 3
        assert TenantTaskResult.objects.count() == 4

    def test_cleanup(self, app: Celery) -> None:
        backend = use(app, TenantBackend)
        for name in ("old", "young"):
            backend.mark_as_done(name, "value")
            backend.save_group(name, GroupResult(name, [AsyncResult("one", app=app)], app=app))
        two_days_ago = timezone.now() - timedelta(days=2)
        TenantTaskResult.objects.filter(task_id="old").update(date_done=two_days_ago)
        TenantGroupResult.objects.filter(group_id="old").update(date_done=two_days_ago)
        backend.cleanup()
        assert TenantTaskResult.objects.get().task_id == "young"
        assert TenantGroupResult.objects.get().group_id == "young"


class TestOtherModels:
    def test_inherited(self, app: Celery, task_id: str) -> None:
        backend = use(app, InheritingBackend)
        backend.store_result(task_id, None, "STARTED")
        backend.mark_as_done(task_id, "value")
        stored = InheritedTaskResult.objects.get(task_id=task_id)
        assert (stored.note, stored.status) == ("from the backend", "SUCCESS")
        assert stored.date_started is not None
        assert models.TaskResult.objects.get(task_id=task_id).pk == stored.pk
        backend.mark_as_failure(task_id, ValueError("late"))
        assert backend.get_result(task_id) == "value"
        backend.forget(task_id)
        assert not models.TaskResult.objects.exists()

    def test_proxy(self, app: Celery, task_id: str) -> None:
        backend = use(app, ProxyBackend)
        backend.mark_as_done(task_id, "value")
        assert backend.get_result(task_id) == "value"
        assert models.TaskResult.objects.get(task_id=task_id).status == "SUCCESS"

    def test_hooks_of_2x(self, app: Celery, task_id: str) -> None:
        backend = use(app, OldHooksBackend)
        backend.mark_as_failure(task_id, ValueError(), traceback="Traceback: …")
        stored = models.TaskResult.objects.get(task_id=task_id)
        assert (stored.task_name, stored.worker, stored.traceback) == ("own name", None, "Traceback: …")
        assert backend.get_task_meta(task_id)["own"] == "meta"

    def test_manager_of_the_project_is_used(self, app: Celery, task_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """``_default_manager.store_result`` is where 2.x projects override."""
        calls = []

        class Manager(type(TaskResultProxy._default_manager)):  # type: ignore[misc]
            def store_result(self, *args: Any, **kwargs: Any) -> Any:
                calls.append((args, sorted(kwargs)))
                return super().store_result(*args, **kwargs)

        manager = Manager()
        manager.contribute_to_class(TaskResultProxy, "objects")
        try:
            use(app, ProxyBackend).mark_as_done(task_id, "value")
        finally:
            TaskResultProxy._meta.local_managers.remove(manager)
            TaskResultProxy._meta._expire_cache()
        [(args, kwargs)] = calls
        assert args == ()
        assert {"content_type", "content_encoding", "task_id", "result", "status", "meta"} <= set(kwargs)

    def test_receivers_of_signals_see_instances(self, app: Celery, task_id: str) -> None:
        seen: list[Any] = []

        def receiver(instance: django_models.Model, created: bool, **kwargs: Any) -> None:
            seen.append((instance.task_id, instance.status, created))

        post_save.connect(receiver, sender=models.TaskResult)
        try:
            app.backend.store_result(task_id, None, "STARTED")
            app.backend.mark_as_done(task_id, "value")
            app.backend.mark_as_failure(task_id, ValueError("late"))
        finally:
            post_save.disconnect(receiver, sender=models.TaskResult)
        assert seen == [(task_id, "STARTED", True), (task_id, "SUCCESS", False)]
