"""One way to talk to psycopg 3, MySQLdb and sqlite3: statements with the driver's own placeholders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

TASKS = "django_celery_results_taskresult"
GROUPS = "django_celery_results_groupresult"
COUNTERS = "django_celery_results_chordcounter"


class Driver:
    """A connection in autocommit mode and its cursor."""

    def __init__(self, vendor: str, database: dict[str, Any]) -> None:
        """Connect; ``database``: Django's settings of it."""
        self.vendor = vendor
        self.connection: Any = _CONNECT[vendor](database)
        self.cursor: Any = self.connection.cursor()
        self.mark = "?" if vendor == "sqlite" else "%s"

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement; return the cursor."""
        self.cursor.execute(statement, values)
        return self.cursor

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return rows as dicts; for preparation, not for what is timed."""
        cursor = self.execute(statement, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def now(self) -> Any:
        """Return the time as this driver writes it."""
        now = datetime.now(UTC)
        if self.vendor == "postgresql":
            return now
        return now.replace(tzinfo=None) if self.vendor == "mariadb" else str(now.replace(tzinfo=None))

    def upsert(self, table: str, key: str, columns: Sequence[str], guard: str = "") -> str:
        """Return the statement that inserts a row or updates it; ``guard`` keeps a row as it is where it is false."""
        marks = ", ".join([self.mark] * len(columns))
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        changed = [column for column in columns if column not in (key, "date_created")]
        if self.vendor == "mariadb":
            # Assignments run from left to right: what the guard reads comes last.
            changed.sort(key=lambda column: column in guard)
            value = f"IF({guard}, VALUES({{0}}), {{0}})" if guard else "VALUES({0})"
            return f"{insert} ON DUPLICATE KEY UPDATE " + ", ".join(f"{c} = {value.format(c)}" for c in changed)
        updates = ", ".join(f"{column} = excluded.{column}" for column in changed)
        where = f" WHERE {table}.{guard}" if guard else ""
        return f"{insert} ON CONFLICT ({key}) DO UPDATE SET {updates}{where}"

    def among(self, column: str, values: list[Any]) -> tuple[str, list[Any]]:
        """Return the condition that ``column`` is one of ``values``, and its parameters."""
        if self.vendor == "postgresql":
            return f"{column} = ANY(%s)", [values]
        return f"{column} IN ({', '.join([self.mark] * len(values))})", values

    def close(self) -> None:
        """Hang up."""
        self.connection.close()


def _psycopg(database: dict[str, Any]) -> Any:
    import psycopg

    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"],
        user=database["USER"],
        password=database["PASSWORD"],
        dbname=database["NAME"],
        autocommit=True,
    )


def _mysqldb(database: dict[str, Any]) -> Any:
    import MySQLdb  # type: ignore[import-untyped] # it has no type hints

    return MySQLdb.connect(
        host=database["HOST"],
        port=int(database["PORT"]),
        user=database["USER"],
        password=database["PASSWORD"],
        database=database["NAME"],
        charset="utf8mb4",
        autocommit=True,
    )


def _sqlite3(database: dict[str, Any]) -> Any:
    from sqlite3 import dbapi2  # through the module: counting takes the place of its connect()

    return dbapi2.connect(database["NAME"], isolation_level=None)


_CONNECT = {"postgresql": _psycopg, "mariadb": _mysqldb, "sqlite": _sqlite3}
