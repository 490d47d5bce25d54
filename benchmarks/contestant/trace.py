"""SQLite's own report of every statement that it starts; there is no connection to follow."""

from __future__ import annotations

import sqlite3
from collections import Counter
from sqlite3 import dbapi2
from typing import Any

#: First word of a statement, in capitals -> how often.
tally: Counter[str] = Counter()


def install() -> None:
    """Count on every connection that is opened from now on, whoever opens it: Django, SQLAlchemy, the floor."""
    connect = dbapi2.connect

    def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_trace_callback(_count)
        return connection

    dbapi2.connect = traced  # type: ignore[assignment]


def _count(statement: str) -> None:
    if not statement.startswith("--"):  # what a trigger runs is part of its statement
        tally[statement.split(maxsplit=1)[0].upper()] += 1
