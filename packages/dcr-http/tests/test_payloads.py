"""Values that a task can return, and what the endpoints make of them."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections import UserDict, namedtuple
from enum import IntEnum
from typing import Any

import pytest
from django.http import JsonResponse
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from dcr_http import payloads

Point = namedtuple("Point", "x y")
ID = uuid.UUID(int=1)


class Level(IntEnum):
    LOW = 1


class ReprRaises:
    def __repr__(self) -> str:
        raise ValueError("no repr")

    def __str__(self) -> str:
        return "told by str"


class Unspeakable:
    def __repr__(self) -> str:
        raise ValueError("no repr")

    __str__ = __repr__


class Trap(dict[str, Any]):
    def items(self) -> Any:
        raise LookupError("no items")

    def __repr__(self) -> str:
        return "<Trap>"


def nested(depth: int, innermost: Any) -> Any:
    """Return ``innermost`` inside ``depth`` lists."""
    for _ in range(depth):
        innermost = [innermost]
    return innermost


def circle() -> list[Any]:
    """Return a list that holds itself."""
    value: list[Any] = [1]
    value.append(value)
    return value


def strict(value: Any) -> Any:
    """Return what a parser that knows JSON only reads from the response to ``value``."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(JsonResponse({"value": value}).content, parse_constant=refuse)["value"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2**70,
        1.5,
        "h\u00e9 \u20ac \U0001f600",
        "lone surrogate \udc80",
        "</script>\x00",
        [1, [2, {"b": 1, "a": None}]],
        (1, 2),
        Point(1, 2),
        {1: "a", None: "b", False: "c", 2.5: "d", float("nan"): "e"},
        datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.UTC),
        datetime.date(2024, 5, 6),
        datetime.timedelta(days=1, seconds=2),
        ID,
        decimal.Decimal("NaN"),
        Level.LOW,
        gettext_lazy("Yes"),
        nested(500, "deep"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_jsonresponse_encodes_is_the_very_same_object(value: Any) -> None:
    if isinstance(value, dict):
        # A NaN key alone makes a copy: as a name it is quoted, and what the response holds stays the same.
        assert JsonResponse(payloads.json_safe(value)).content == JsonResponse(value).content
    else:
        assert payloads.json_safe(value) is value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"x\xff", "b'x\\xff'"),
        ({1}, "{1}"),
        (range(3), "range(0, 3)"),
        (ValueError("bad", 3), "ValueError('bad', 3)"),
        (float("nan"), "NaN"),
        ([float("inf"), {"low": -float("inf")}, 1.5], ["Infinity", {"low": "-Infinity"}, 1.5]),
        ({"ok": [1, b"x"], "at": datetime.date(2024, 5, 6)}, {"ok": [1, "b'x'"], "at": "2024-05-06"}),
        ({(1, 2): "pair", b"k": "bytes", ID: "id"}, {"(1, 2)": "pair", "b'k'": "bytes", str(ID): "id"}),
        ({"x": {1, 2.5}.__class__}, {"x": "<class 'set'>"}),
        (circle(), [1, "[1, [...]]"]),
        (UserDict({"a": 1}), "{'a': 1}"),
        (datetime.time(1, 2, tzinfo=datetime.UTC), "datetime.time(1, 2, tzinfo=datetime.timezone.utc)"),
        ([Trap(a={1})], "[<Trap>]"),
        (ReprRaises(), "told by str"),
        ([1, Unspeakable()], [1, f"<Unrepresentable {__name__}.Unspeakable>"]),
        ([10**5000], ["<Unrepresentable builtins.int>"]),
        ({10**5000: 1}, {"<Unrepresentable builtins.int>": 1}),
        (nested(100_000, 1), nested(100, "<Unrepresentable builtins.list>")),
        ("\udc80".encode("utf-8", "surrogatepass"), "b'\\xed\\xb2\\x80'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_the_part_that_is_not_json_is_replaced(value: Any, expected: Any) -> None:
    assert strict(payloads.json_safe(value)) == expected


def test_one_value_in_two_places_is_no_circle() -> None:
    shared = [1]
    assert payloads.json_safe([shared, shared, b""]) == [[1], [1], "b''"]


def test_no_depth_falls_between_what_is_checked_and_what_is_sent() -> None:
    """Somewhere here, at a depth that depends on the Python and the stack, encoding begins to fail."""
    for depth in range(600, 1100):
        members = [payloads.task_member({"status": "SUCCESS", "result": nested(depth, 1)})]
        assert JsonResponse(payloads.group_status("g", members)).content


encodable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner),
)
odd = st.recursive(
    st.none() | st.floats() | st.text() | st.binary() | st.complex_numbers() | st.frozensets(st.integers()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.binary() | st.floats(), inner) | st.tuples(inner),
)


@given(encodable)
def test_any_json_value_is_left_alone(value: Any) -> None:
    assert payloads.json_safe(value) is value


@given(odd)
def test_any_other_value_becomes_json(value: Any) -> None:
    strict(payloads.json_safe(value))


def test_exception_state_tells_repr_class_and_traceback() -> None:
    meta = {"status": "FAILURE", "result": KeyError("k"), "traceback": "Traceback: …"}
    assert payloads.task_status("a", meta) == {
        "task": {
            "id": "a",
            "status": "FAILURE",
            "result": "KeyError('k')",
            "exc": "builtins.KeyError",
            "traceback": "Traceback: …",
        }
    }


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], "SUCCESS"),
        (["SUCCESS", "SUCCESS"], "SUCCESS"),
        (["SUCCESS", "PENDING"], "PENDING"),
        (["SUCCESS", "PROGRESS"], "PENDING"),
        (["PENDING", "REVOKED"], "FAILURE"),
        (["FAILURE", "SUCCESS"], "FAILURE"),
    ],
)
def test_a_nested_group_has_one_status(statuses: list[str], expected: str) -> None:
    members = [payloads.task_member({"status": status, "result": None}) for status in statuses]
    assert payloads.group_member(members) == {"result": members, "status": expected}
