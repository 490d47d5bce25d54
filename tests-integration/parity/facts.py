"""Python values as text that is the same in both environments where they mean the same."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import models
from django.utils.functional import Promise

#: Import packages that are ours or the published release's: where a class of theirs lives is not compared.
PACKAGES = ("django_celery_results", "dcr_models", "dcr_backends", "dcr_admin", "dcr_http")

Facts = dict[str, Any]


class Told(str):
    """What a call did, already as text."""

    __slots__ = ()


def is_ours(thing: Any) -> bool:
    """Return whether a class or function comes from the packages that are compared."""
    return str(getattr(thing, "__module__", "")).partition(".")[0] in PACKAGES


def name_of(thing: Any) -> str:
    """Return the name of a class or function, with its module where that is not one of the packages."""
    name: str = thing.__qualname__
    return name if is_ours(thing) or thing.__module__ == "builtins" else f"{thing.__module__}.{name}"


def signature(function: Callable[..., Any]) -> str:
    """Return names, kinds and defaults of the parameters; annotations change no call."""
    parameters = inspect.signature(function).parameters.values()
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(bare))


def fact(value: Any) -> str:
    """Return ``value`` as text: its repr, less what differs from run to run (times, addresses, paths)."""
    if isinstance(value, Told):
        return str(value)
    if isinstance(value, datetime):
        return f"a moment in {value.tzinfo}" if value.tzinfo else "a moment without time zone"
    if isinstance(value, Promise):
        return repr(str(value))
    if isinstance(value, type):
        return name_of(value)
    if isinstance(value, models.Field):
        return _field(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{fact(key)}: {fact(value[key])}" for key in sorted(value, key=repr)) + "}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return "(" + ", ".join(f"{name}={fact(item)}" for name, item in value._asdict().items()) + ")"
    if isinstance(value, list | tuple | set | frozenset):
        items = [fact(item) for item in value]
        if isinstance(value, tuple):
            return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"
        return "[" + ", ".join(items) + "]" if isinstance(value, list) else "{" + ", ".join(sorted(items)) + "}"
    if isinstance(value, str) and value.endswith(PACKAGES) and Path(value).is_absolute():
        return f"…/{Path(value).name}"
    if isinstance(value, BaseException):
        return f"{name_of(type(value))}{fact(value.args)}"
    if isinstance(value, logging.Logger):
        return "logger"
    if isinstance(value, str | bytes | int | float | None):
        return repr(value)
    if inspect.isfunction(value) or inspect.ismethod(value):
        return f"function{signature(value)}"
    return f"<{name_of(type(value))}>"


def outcome(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Told:
    """Return what a call returns, or the class of what it raises: messages are each side's own words."""
    try:
        return Told(fact(call(*args, **kwargs)))
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is the fact
        return Told(f"raises {name_of(type(exc))}")


def sorted_facts(values: Iterable[Any]) -> Told:
    """Return the facts of values whose order means nothing."""
    return Told("[" + ", ".join(sorted(fact(value) for value in values)) + "]")


def _field(field: models.Field[Any, Any]) -> str:
    """Return a field as migrations see it, without its label and help text."""
    _, path, _, options = field.deconstruct()
    options = {name: value for name, value in options.items() if name not in ("verbose_name", "help_text")}
    arguments = ", ".join(f"{name}={fact(options[name])}" for name in sorted(options))
    return f"{path.rpartition('.')[2]}({arguments})"
