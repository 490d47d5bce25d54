"""What a request tells about its task, whatever kind of request it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from celery.app.task import Context
from celery.local import Proxy
from kombu.exceptions import EncodeError

from dcr_backends import record


def encode(value: Any) -> str:
    """Encode as the backend does with JSON."""
    try:
        return json.dumps(value)
    except TypeError as exc:
        raise EncodeError(str(exc)) from exc


def known(request: Any) -> dict[str, str | None]:
    """Return the columns that the request knows."""
    return {name: value for name, value in record.columns(request, encode).items() if value is not None}


def columns(**request: Any) -> dict[str, str | None]:
    return known(Context(**request))


class TestColumns:
    def test_protocol_2(self) -> None:
        assert columns(
            task="shop.pay",
            hostname="worker@host",
            argsrepr="(1, 2)",
            kwargsrepr="{'a': 3}",
            args=[1, 2],
            kwargs={"a": 3},
        ) == {
            "task_name": "shop.pay",
            "worker": "worker@host",
            "task_args": '"(1, 2)"',
            "task_kwargs": "\"{'a': 3}\"",
        }

    def test_protocol_1_has_the_real_arguments_only(self) -> None:
        assert columns(task="shop.pay", args=(1, 2), kwargs={"a": 3}) == {
            "task_name": "shop.pay",
            "task_args": "[1, 2]",
            "task_kwargs": '{"a": 3}',
        }

    def test_no_request_knows_everything(self) -> None:
        assert columns() == {}
        assert columns(task=None, hostname=None, args=None, kwargs=None, argsrepr=None) == {}
        assert known(object()) == known(None) == {}

    @pytest.mark.parametrize("request_", [None, object(), Context(), Context(task="shop.pay", retries=1)])
    def test_each_column_has_its_key(self, request_: Any) -> None:
        """Subclasses look them up, as they could in 2.x."""
        assert set(record.columns(request_, encode)) == set(record.COLUMNS)

    def test_no_arguments_are_known_arguments(self) -> None:
        assert columns(args=[], kwargs={}) == {"task_args": "[]", "task_kwargs": "{}"}

    @pytest.mark.parametrize("shown", ["", "***", "()"])
    def test_representation_stands_for_the_arguments(self, shown: str) -> None:
        told = columns(argsrepr=shown, kwargsrepr=shown, args=["secret"], kwargs={"key": "secret"})
        assert told == {"task_args": json.dumps(shown), "task_kwargs": json.dumps(shown)}

    @pytest.mark.parametrize("shown", [0, False, ("a", 1), {"b": 2}, object()])
    def test_representation_of_any_type_keeps_the_arguments_out(self, shown: Any) -> None:
        told = columns(argsrepr=shown, args=["secret"])
        assert "secret" not in str(told["task_args"])

    def test_arguments_that_cannot_be_encoded_are_shown(self) -> None:
        told = columns(args=[1, {2}], kwargs={"file": ...})
        assert told == {"task_args": '"[1, {2}]"', "task_kwargs": "\"{'file': Ellipsis}\""}

    @pytest.mark.parametrize("value", [iter([1]), "text", 5, b"bytes", {1}])
    def test_arguments_of_another_type_are_not_arguments(self, value: Any) -> None:
        assert columns(args=value, kwargs=value) == {}

    @pytest.mark.parametrize("value", [5, b"bytes", ["x"], object()])
    def test_names_are_text(self, value: Any) -> None:
        assert columns(task=value, hostname=value, periodic_task_name=value) == {}

    def test_task_itself_in_the_place_of_its_name(self, tasks: Any) -> None:
        assert columns(task=tasks.add) == {"task_name": "tests.add"}

    def test_worker_request(self, tasks: Any, worker: Any) -> None:
        tasks.add.apply_async((1, 2), argsrepr="(one, two)")
        [request] = worker.receive()
        assert known(request) == {
            "task_name": "tests.add",
            "worker": worker.hostname,
            "task_args": '"(one, two)"',
            "task_kwargs": '"{}"',
        }

    def test_proxy(self) -> None:
        request = Context(task="shop.pay", args=[1], hostname="worker@host")
        assert known(Proxy(lambda: request)) == known(request) != {}


class TestPeriodicTaskName:
    @pytest.mark.parametrize(
        "request_",
        [
            {"periodic_task_name": "nightly"},
            {"headers": {"periodic_task_name": "nightly"}},
            {"properties": {"periodic_task_name": "nightly"}},
            {"periodic_task_name": "nightly", "headers": {"periodic_task_name": "other"}},
            {"headers": {"periodic_task_name": "nightly"}, "properties": {"periodic_task_name": "other"}},
        ],
    )
    def test_where_it_may_be(self, request_: dict[str, Any]) -> None:
        assert columns(**request_) == {"periodic_task_name": "nightly"}

    @pytest.mark.parametrize(
        "request_",
        [{}, {"headers": None}, {"headers": ["x"]}, {"headers": {"periodic_task_name": 5}}, {"properties": "x"}],
    )
    def test_where_it_is_not(self, request_: dict[str, Any]) -> None:
        assert columns(**request_) == {}


class TestRetry:
    @pytest.mark.parametrize("retries", [1, 2, 100])
    def test_retry_does_not_tell_the_arguments(self, retries: int) -> None:
        told = columns(task="shop.pay", args=["secret"], argsrepr="('secret',)", retries=retries)
        assert told == {"task_name": "shop.pay"}

    @pytest.mark.parametrize("retries", [0, None, "1"])
    def test_first_run_does(self, retries: Any) -> None:
        assert columns(argsrepr="(1,)", retries=retries) == {"task_args": '"(1,)"'}


class TestMeta:
    def test_mapping_is_copied(self) -> None:
        own = {"progress": 3}
        meta = record.meta(Context(meta=own))
        assert meta == own
        assert meta is not own

    @pytest.mark.parametrize("value", [None, 5, "text", ["progress", 3], object()])
    def test_anything_else_is_no_meta(self, value: Any) -> None:
        assert record.meta(Context(meta=value)) == {}

    def test_without_a_request(self) -> None:
        assert record.meta(None) == {}
