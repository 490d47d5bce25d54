"""Compressed results (Celery 5.7): marked as Celery marks them, as base64; rows from before and after stay readable."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from celery import Celery
from celery.app.task import Context
from celery.backends import base as celery_base

from dcr_backends.database import DatabaseBackend
from dcr_models.models import TaskResult

pytestmark = pytest.mark.django_db

#: Compression is a feature of Celery 5.7; older ones know neither the setting nor the mark.
CAN_COMPRESS = hasattr(celery_base, "compress_payload")
compresses = pytest.mark.skipif(not CAN_COMPRESS, reason="Celery compresses results since 5.7")

VALUE = {"text": "päivää " * 500, "number": 2**70}


def backend(app: Celery, compression: str | None = None, **conf: Any) -> DatabaseBackend:
    """Return the backend of a process that is configured so."""
    app.conf.update(result_compression=compression, result_extended=True, **conf)
    return DatabaseBackend(app=app)


def request() -> Context:
    return Context(id="one", task="shop.sum", argsrepr="(1, 2)", kwargsrepr="{}", children=[], meta={"own": "meta"})


@compresses
@pytest.mark.parametrize("compression", ["gzip", "bzip2"])
@pytest.mark.parametrize("serializer", ["json", "pickle", "yaml"])
def test_all_that_a_row_holds(app: Celery, compression: str, serializer: str) -> None:
    conf = {"result_serializer": serializer, "result_accept_content": [serializer]}
    backend(app, compression, **conf).mark_as_done("one", VALUE, request=request())
    row = TaskResult.objects.get()
    assert row.content_encoding == "binary"
    assert base64.b64decode(row.result).startswith(celery_base.COMPRESSED_PAYLOAD_MAGIC)
    assert base64.b64decode(row.meta).startswith(celery_base.COMPRESSED_PAYLOAD_MAGIC)
    assert len(row.result) < 1000
    meta = backend(app, None, **conf).get_task_meta("one")
    assert (meta["result"], meta["args"], meta["own"], meta["children"]) == (VALUE, "(1, 2)", "meta", [])


@compresses
def test_rows_from_before_stay_readable(app: Celery) -> None:
    backend(app).mark_as_done("one", VALUE)
    assert backend(app, "gzip").get_result("one") == VALUE


@compresses
def test_rows_of_another_serializer_are_unpacked_too(app: Celery) -> None:
    both = {"result_accept_content": ["json", "yaml"]}
    backend(app, "gzip", result_serializer="yaml", **both).mark_as_done("one", VALUE)
    assert backend(app, None, result_serializer="json", **both).get_result("one") == VALUE


@compresses
def test_exceptions_and_groups(app: Celery) -> None:
    compressing = backend(app, "gzip")
    compressing.mark_as_failure("one", KeyError("no"))
    compressing.save_group("group", app.GroupResult("group", [app.AsyncResult("one")]))
    assert isinstance(backend(app).get_result("one"), KeyError)
    assert [member.id for member in backend(app).restore_group("group")] == ["one"]


@pytest.mark.skipif(CAN_COMPRESS, reason="from 5.7 on Celery compresses")
def test_older_celery_ignores_the_setting(app: Celery) -> None:
    backend(app, "gzip").mark_as_done("one", VALUE)
    assert TaskResult.objects.get().content_encoding == "utf-8"
    assert backend(app).get_result("one") == VALUE


def test_task_result_exists(app: Celery) -> None:
    """A stored PENDING counts: the task was sent, or somebody says so."""
    known = backend(app)
    known.store_result("pending", None, "PENDING")
    known.mark_as_done("done", 1)
    assert [known.task_result_exists(task_id) for task_id in ("pending", "done", "unknown")] == [True, True, False]
