"""Contract: what a task returned is what somebody else reads."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.result import AsyncResult, GroupResult, result_from_tuple

from .backend import BackendContract

VALUES = {
    "none": None,
    "zero": 0,
    "false": False,
    "true": True,
    "empty text": "",
    "empty list": [],
    "empty dict": {},
    "negative": -17,
    "64 bits and more": 2**70 + 1,
    "fraction": 0.1,
    "unicode": "päivää, здравствуй, 你好, 🎉",
    "control characters": "a\x00b\r\n\tc\x1b",
    "quotes": """it's "quoted" \\ %s %(x)s {0}""",
    "looks like base64": "aGVsbG8=",
    "looks like a state": "SUCCESS",
    "long": "0123456789" * 20_000,
    "nested": {"a": [1, {"b": [None, [True, {"c": "ä"}]]}], "d": {}},
    "list of none": [None, None],
}


class ValueContract(BackendContract):
    """Return values, as far as the serializer has them."""

    @pytest.mark.parametrize("name", VALUES)
    def test_values_come_back(self, app: Celery, backend: Any, task_id: str, name: str) -> None:
        backend.mark_as_done(task_id, VALUES[name])
        value = self.stored(app, task_id)["result"]
        assert value == VALUES[name]
        assert type(value) is type(VALUES[name])

    def test_tuples_keep_their_type_where_the_serializer_can(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_done(task_id, (1, (2, [3])))
        assert self.stored(app, task_id)["result"] == self.jsonized((1, (2, [3])))

    def test_result_that_is_a_result_can_be_followed(self, app: Celery, backend: Any, task_id: str) -> None:
        inner = AsyncResult(uuid4().hex, app=app)
        backend.mark_as_done(task_id, inner)
        value = self.stored(app, task_id)["result"]
        assert value == (inner if self.keeps_types else [[inner.id, None], None])

    def test_result_that_is_a_group_can_be_followed(self, app: Celery, backend: Any, task_id: str) -> None:
        group = GroupResult(uuid4().hex, [AsyncResult(uuid4().hex, app=app) for _ in range(2)], app=app)
        backend.mark_as_done(task_id, group)
        value = self.stored(app, task_id)["result"]
        assert (value if self.keeps_types else result_from_tuple(value, app=app)) == group
