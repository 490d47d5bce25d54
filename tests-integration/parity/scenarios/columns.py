"""Each serializer and each kind of value, byte for byte as the columns hold it."""

from __future__ import annotations

import pickle
from base64 import b64decode
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from celery.result import AsyncResult

from parity.facts import Facts, outcome
from parity.project import make_app, request_of, scenario, task_row

VALUES: dict[str, Any] = {
    "None": None,
    "true": True,
    "empty text": "",
    "text": 'a "quoted" \\ line\nand another',
    "other scripts": "ñ 日本 🎉",
    "a whole number": 2**70,
    "a fraction": 0.1,
    "a list": [1, [2, None], {}],
    "a tuple": (1, "two"),
    "a dict": {"b": 1, "a": {"c": [True]}},
    "a moment": datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC),
    "a day": date(2024, 2, 29),
    "a decimal": Decimal("1.10"),
    "a UUID": UUID("12345678-1234-5678-1234-567812345678"),
    "bytes": b"\x00\xff",
    "a duration": timedelta(days=1),
    "an object": object,
}


def stored(serializer: str) -> Facts:
    """Return, for each value, the column ``result`` and what is read back."""
    app = make_app(result_serializer=serializer, accept_content=["json", "pickle", "yaml", "msgpack"])
    facts: Facts = {}
    for name, value in VALUES.items():
        task_id = name.replace(" ", "-")
        facts[f"{name}, storing returns"] = outcome(app.backend.store_result, task_id, value, "SUCCESS")
        row = task_row(task_id)
        facts[f"{name}, column"] = row.get("column result")
        facts[f"{name}, read back"] = outcome(AsyncResult(task_id, app=app).get, timeout=0.01, interval=0.01)
    app.backend.store_result("failed", ValueError("no", 1), "FAILURE")
    return facts | {f"a failure, {name}": value for name, value in task_row("failed").items()}


def read(task_id: str, app: Any) -> Facts:
    """Return what Celery's meta holds of the values that a serializer made."""
    meta = app.backend.get_task_meta(task_id)
    names = ("result", "args", "kwargs", "task_args", "task_kwargs", "task_name", "worker", "children", "own")
    return {f"meta {name}": meta[name] for name in names}


@scenario("values in json")
def values_in_json() -> Facts:
    return stored("json")


@scenario("values in yaml")
def values_in_yaml() -> Facts:
    return stored("yaml")


@scenario("values in msgpack")
def values_in_msgpack() -> Facts:
    return stored("msgpack")


@scenario("values in pickle")
def values_in_pickle() -> Facts:
    return stored("pickle")


@scenario("a pickled row")
def a_pickled_row() -> Facts:
    app = make_app(result_serializer="pickle", accept_content=["pickle"], result_extended=True)
    request = request_of("t", task="shop.add", argsrepr="(1,)", kwargs={"set": {1}}, meta={"own": (1, 2)})
    app.backend.store_result("t", {"a": {1, 2}}, "SUCCESS", request=request)
    row = task_row("t")
    unpickled = {
        f"{name}, unpickled": pickle.loads(b64decode(row[f"column {name}"]))
        for name in ("result", "meta", "task_args", "task_kwargs")
    }
    kinds = {name: row[f"column {name}"] for name in ("content_type", "content_encoding")}
    return kinds | unpickled | read("t", app)


@scenario("a yaml row")
def a_yaml_row() -> Facts:
    app = make_app(result_serializer="yaml", accept_content=["yaml"], result_extended=True)
    request = request_of("t", task="shop.add", argsrepr="(1,)", kwargs={"list": [1]}, meta={"own": [1, 2]})
    app.backend.store_result("t", {"a": [1, 2]}, "SUCCESS", request=request)
    return task_row("t") | read("t", app)
