"""Every setting of the project: name, default, unit; read when asked for, never at import.

Celery's own settings (``result_extended``, ``result_expires``, ``cache_backend``,
``result_backend_*``) are read from the Celery app by the code that uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: Name of the Django setting that holds the options below as a dict.
OPTIONS_SETTING = "DJANGO_CELERY_RESULTS"

TASK_ID_MAX_LENGTH_SETTING = "DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH"

#: Longest id that every supported database can hold in a unique column; 191 suits MySQL's old 767-byte keys.
TASK_ID_MAX_LENGTH_DEFAULT = 255


@dataclass(frozen=True)
class Option:
    """One key of ``DJANGO_CELERY_RESULTS``."""

    name: str
    kind: type | tuple[type, ...]
    default: Any
    meaning: str
    #: Whether any truth value will do, as it did in 2.x; a check still asks for the right type.
    truthy: bool = False

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with ``value``, or None."""
        kinds = self.kind if isinstance(self.kind, tuple) else (self.kind,)
        if type(value) in kinds:
            return None
        names = " or ".join(kind.__name__ for kind in kinds)
        return f"{OPTIONS_SETTING}[{self.name!r}] must be of type {names}, got {value!r}."


OPTIONS = {
    option.name: option
    for option in (
        Option("ALLOW_EDITS", bool, False, "the admin lets staff edit stored results", truthy=True),
        Option(
            "CHORD_SWEEP_INTERVAL",
            (int, float),
            60,
            "seconds between two looks of a worker for chords that nobody finished; 0: none but at its start",
        ),
        Option(
            "UNREADY_EXPIRES",
            (int, float),
            30 * 24 * 3600,
            "seconds after which cleanup deletes results of tasks that never finished; 0: never",
        ),
        Option("SUCCESS_IS_FINAL", bool, True, "a stored SUCCESS is never overwritten by a later write"),
    )
}


def options() -> dict[str, Any]:
    """Return the dict that the project set, empty where it set none.

    Raises ImproperlyConfigured where the setting is not a dict.
    """
    value = getattr(settings, OPTIONS_SETTING, None)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{OPTIONS_SETTING} must be a dict such as {{'ALLOW_EDITS': False}}, got {value!r}.")
    return value


def get(name: str) -> Any:
    """Return the value of the option ``name``, or its default.

    Raises KeyError for a name that no option has, ImproperlyConfigured for a value of the wrong type.
    """
    option = OPTIONS[name]
    value = options().get(name, option.default)
    if option.truthy:
        return bool(value)
    if problem := option.problem(value):
        raise ImproperlyConfigured(problem)
    return value


def task_id_max_length() -> int:
    """Return the width in characters of task and group id columns.

    The models and the migrations read it once, when they are imported.
    """
    value = getattr(settings, TASK_ID_MAX_LENGTH_SETTING, TASK_ID_MAX_LENGTH_DEFAULT)
    if type(value) is not int or value < 1:
        raise ImproperlyConfigured(f"{TASK_ID_MAX_LENGTH_SETTING} must be a positive whole number, got {value!r}.")
    return value
