"""Values go into text columns with every serializer of Celery's, and come back by their own content type."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from celery import Celery
from celery.app.task import Context
from celery.result import AsyncResult, GroupResult
from kombu.exceptions import ContentDisallowed, DecodeError, EncodeError
from kombu.serialization import register, unregister

from dcr_backends.database import DatabaseBackend
from dcr_models import models

pytestmark = pytest.mark.django_db

BINARY = {"pickle": "application/x-python-serialize", "msgpack": "application/x-msgpack"}
TEXT = {"json": "application/json", "yaml": "application/x-yaml"}
SERIALIZERS = {**TEXT, **BINARY}

VALUE = {"number": 2**40, "text": "päivää 🎉", "list": [None, True, 0.5, ""], "nested": {"a": [{"b": "c"}]}}


def row(task_id: str) -> models.TaskResult:
    return models.TaskResult.objects.get(task_id=task_id)


class Speaks:
    """Makes backends that write with one serializer and accept some."""

    def __init__(self, app: Celery) -> None:
        self.app = app

    def __call__(self, serializer: str, *accept: str) -> DatabaseBackend:
        return DatabaseBackend(app=self.app, serializer=serializer, accept=accept or [serializer])


@pytest.fixture
def speaks(app: Celery) -> Speaks:
    return Speaks(app)


class TestEachSerializer:
    @pytest.mark.parametrize("name", SERIALIZERS)
    def test_value_comes_back(self, speaks: Speaks, task_id: str, name: str) -> None:
        speaks(name).mark_as_done(task_id, VALUE)
        assert speaks(name).get_result(task_id) == VALUE
        assert row(task_id).content_type == SERIALIZERS[name]

    @pytest.mark.parametrize("name", TEXT)
    def test_text_is_stored_as_it_is(self, speaks: Speaks, task_id: str, name: str) -> None:
        speaks(name).mark_as_done(task_id, {"readable": "in the table"})
        assert row(task_id).content_encoding == "utf-8"
        assert "readable" in row(task_id).result
        assert "children" in row(task_id).meta

    @pytest.mark.parametrize("name", BINARY)
    def test_bytes_are_stored_as_base64(self, speaks: Speaks, task_id: str, name: str) -> None:
        speaks(name).mark_as_done(task_id, VALUE)
        stored = row(task_id)
        assert stored.content_encoding == "binary"
        payload = base64.b64decode(stored.result)
        assert payload == speaks(name)._encode(VALUE)[2]
        assert base64.b64decode(stored.meta)

    @pytest.mark.parametrize("name", SERIALIZERS)
    def test_everything_of_a_task_is_encoded_alike(self, app: Celery, speaks: Speaks, task_id: str, name: str) -> None:
        app.conf.result_extended = True
        request = Context(id=task_id, task="shop.pay", args=[1, "ä"], kwargs={"b": 2}, meta={"own": "value"})
        request.children.append(AsyncResult("child", app=app))
        speaks(name).mark_as_done(task_id, VALUE, request=request)
        meta = speaks(name).get_task_meta(task_id)
        assert (meta["args"], meta["kwargs"], meta["own"]) == ([1, "ä"], {"b": 2}, "value")
        assert AsyncResult(task_id, backend=speaks(name), app=app).children == ["child"]

    @pytest.mark.parametrize("name", SERIALIZERS)
    def test_exception(self, speaks: Speaks, task_id: str, name: str) -> None:
        speaks(name).mark_as_failure(task_id, ValueError("no luck", 7))
        error = speaks(name).get_result(task_id)
        assert type(error) is ValueError
        assert error.args == ("no luck", 7)

    @pytest.mark.parametrize("name", SERIALIZERS)
    def test_group(self, app: Celery, speaks: Speaks, task_id: str, name: str) -> None:
        group = GroupResult(task_id, [AsyncResult("one", app=app), AsyncResult("two", app=app)], app=app)
        speaks(name).save_group(task_id, group)
        assert speaks(name).restore_group(task_id) == group
        stored = models.GroupResult.objects.get(group_id=task_id)
        assert stored.content_type == SERIALIZERS[name]
        assert (stored.content_encoding == "binary") is (name in BINARY)

    def test_pickle_keeps_types(self, speaks: Speaks, task_id: str) -> None:
        value = {"tuple": (1, 2), "set": {3}, "bytes": b"\x00\xff", 5: Decimal("1.10")}
        speaks("pickle").mark_as_done(task_id, value)
        assert speaks("pickle").get_result(task_id) == value

    def test_json_keeps_what_kombu_can(self, speaks: Speaks, task_id: str) -> None:
        value = {"at": datetime(2024, 2, 29, 12, tzinfo=UTC), "price": Decimal("1.10")}
        speaks("json").mark_as_done(task_id, value)
        assert speaks("json").get_result(task_id) == value

    @pytest.mark.parametrize("name", SERIALIZERS)
    def test_value_that_cannot_be_encoded(self, speaks: Speaks, task_id: str, name: str) -> None:
        with pytest.raises(EncodeError):
            speaks(name).mark_as_done(task_id, lambda: None)
        assert not models.TaskResult.objects.filter(task_id=task_id).exists()

    def test_configured_serializer(self, configured: Callable[..., Any], task_id: str) -> None:
        backend = configured(result_serializer="yaml", result_accept_content=["yaml"])
        backend.mark_as_done(task_id, VALUE)
        assert row(task_id).content_type == "application/x-yaml"
        assert backend.get_result(task_id) == VALUE

    def test_values_of_the_2x_hooks(self, speaks: Speaks, task_id: str) -> None:
        """Subclasses and scripts of 2.x call these with a row of their own."""
        content_type, content_encoding, text = speaks("pickle").encode_content({"a": (1,)})
        stored = models.TaskResult(content_type=content_type, content_encoding=content_encoding)
        assert speaks("pickle").decode_content(stored, text) == {"a": (1,)}
        assert speaks("pickle").decode_content(stored, None) is None
        assert speaks("pickle").decode_content(stored, "") is None


class TestAnotherSerializer:
    """``result_serializer`` was changed, or processes with different ones share the table."""

    @pytest.mark.parametrize("reader", SERIALIZERS)
    @pytest.mark.parametrize("writer", SERIALIZERS)
    def test_row_is_read_by_its_own_content_type(self, speaks: Speaks, task_id: str, writer: str, reader: str) -> None:
        speaks(writer).mark_as_done(task_id, VALUE)
        assert speaks(reader, *SERIALIZERS).get_result(task_id) == VALUE

    @pytest.mark.parametrize("writer", ["pickle", "yaml", "msgpack"])
    def test_row_that_is_not_accepted_is_refused(self, speaks: Speaks, task_id: str, writer: str) -> None:
        speaks(writer).mark_as_done(task_id, VALUE)
        with pytest.raises(ContentDisallowed) as refused:
            speaks("json").get_result(task_id)
        message = str(refused.value)
        assert SERIALIZERS[writer] in message
        assert "accepted are application/json" in message
        assert "result_accept_content" in message

    def test_refused_row_was_not_decoded(self, speaks: Speaks, task_id: str) -> None:
        """A pickle runs code while it is decoded."""
        ran = []
        register("trap", lambda value: "trap", ran.append, content_type="application/x-trap", content_encoding="utf-8")
        try:
            speaks("trap").mark_as_done(task_id, VALUE)
            with pytest.raises(ContentDisallowed):
                speaks("json").get_result(task_id)
        finally:
            unregister("trap")
        assert ran == []

    def test_row_of_2x_with_pickle_is_refused_until_accepted(
        self, configured: Callable[..., Any], speaks: Speaks, task_id: str
    ) -> None:
        speaks("pickle").mark_as_done(task_id, VALUE)
        backend = configured(result_serializer="json", result_accept_content=["json", "pickle"])
        assert backend.get_result(task_id) == VALUE

    def test_own_serializer_must_be_accepted_too(self, speaks: Speaks, task_id: str) -> None:
        speaks("pickle").mark_as_done(task_id, VALUE)
        with pytest.raises(ContentDisallowed):
            speaks("pickle", "json").get_result(task_id)

    def test_group_is_read_by_its_own_content_type(self, app: Celery, speaks: Speaks, task_id: str) -> None:
        group = GroupResult(task_id, [AsyncResult("one", app=app)], app=app)
        speaks("pickle").save_group(task_id, group)
        assert speaks("json", "json", "pickle").restore_group(task_id) == group
        with pytest.raises(ContentDisallowed, match="x-python-serialize"):
            speaks("json").restore_group(task_id)

    def test_second_write_takes_the_row_over(self, app: Celery, speaks: Speaks, task_id: str) -> None:
        """Arguments of the first write keep the encoding of the first write; they must not stop a reader."""
        app.conf.result_extended = True
        request = Context(id=task_id, task="shop.pay", args=[1], kwargs={})
        speaks("pickle").store_result(task_id, None, "STARTED", request=request)
        speaks("json").mark_as_done(task_id, VALUE)
        meta = speaks("json").get_task_meta(task_id)
        assert meta["result"] == VALUE
        assert meta["name"] == "shop.pay"
        assert isinstance(meta["args"], str)


class TestDamagedRows:
    """Somebody edited the row, or it was cut."""

    @pytest.fixture
    def stored(self, speaks: Speaks, task_id: str) -> DatabaseBackend:
        speaks("json").mark_as_done(task_id, VALUE)
        return speaks("json", *SERIALIZERS)

    @pytest.mark.parametrize("column", ["result", "meta"])
    @pytest.mark.parametrize(
        ("content_type", "encoding", "text"),
        [
            ("application/json", "utf-8", "{not json"),
            ("application/x-python-serialize", "binary", "%%% not base64 %%%"),
            ("application/x-python-serialize", "binary", "bm90IGEgcGlja2xl"),
            ("application/x-msgpack", "binary", "wcHBwcHB"),
        ],
        ids=["json", "base64", "pickle", "msgpack"],
    )
    def test_error_names_the_row(
        self, stored: DatabaseBackend, task_id: str, column: str, content_type: str, encoding: str, text: str
    ) -> None:
        models.TaskResult.objects.filter(task_id=task_id).update(
            result=None, meta=None, content_type=content_type, content_encoding=encoding
        )
        models.TaskResult.objects.filter(task_id=task_id).update(**{column: text})
        with pytest.raises(DecodeError) as refused:
            stored.get_task_meta(task_id)
        assert f"The stored {column} of task {task_id} cannot be decoded" in str(refused.value)
        assert row(task_id).status == "SUCCESS"

    def test_group(self, stored: DatabaseBackend, task_id: str) -> None:
        models.GroupResult.objects.create(
            group_id=task_id, result="{", content_type="application/json", content_encoding="utf-8"
        )
        with pytest.raises(DecodeError, match=f"group {task_id} cannot be decoded"):
            stored.restore_group(task_id)

    def test_arguments_that_do_not_decode_are_text(self, stored: DatabaseBackend, task_id: str) -> None:
        models.TaskResult.objects.filter(task_id=task_id).update(task_args="(1, 2", task_kwargs="{'a'")
        meta = stored.get_task_meta(task_id)
        assert (meta["args"], meta["task_args"]) == ("(1, 2", "(1, 2")
        assert (meta["kwargs"], meta["task_kwargs"]) == ("{'a'", "{'a'")
        assert meta["result"] == VALUE

    def test_content_type_that_nobody_knows(self, stored: DatabaseBackend, task_id: str) -> None:
        """Rows of 1.x and rows made by hand have none; they are read as the backend writes."""
        models.TaskResult.objects.filter(task_id=task_id).update(content_type="", content_encoding="")
        assert stored.get_result(task_id) == VALUE
