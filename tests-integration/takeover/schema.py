"""What the tables look like: as Django's introspection sees them, and in the database's own words.

Runs inside the environment of a release, like ``seed.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db import connection

TABLES = "django_celery_results_"

#: What decides over a column; ``type_code`` has other numbers in other drivers.
COLUMN = ("name", "display_size", "internal_size", "precision", "scale", "null_ok", "default", "collation")


def read_schema() -> dict[str, Any]:
    """Return all tables of the app; equal schemas are equal JSON."""
    with connection.cursor() as cursor:
        names = sorted(table.name for table in connection.introspection.get_table_list(cursor))
        return {name: read_table(cursor, name) for name in names if name.startswith(TABLES)}


def read_table(cursor: Any, table: str) -> dict[str, Any]:
    """Return columns in their order, constraints and indexes by name, and definitions."""
    introspection = connection.introspection
    return {
        "columns": [
            {
                **{name: getattr(column, name) for name in COLUMN},
                "type": introspection.get_field_type(column.type_code, column),
            }
            for column in introspection.get_table_description(cursor, table)
        ],
        "constraints": introspection.get_constraints(cursor, table),
        "sequences": introspection.get_sequences(cursor, table),
        "definition": DEFINITIONS[connection.vendor](cursor, table),
    }


def define_sqlite(cursor: Any, table: str) -> list[str]:
    """Return the statements that SQLite keeps of the table and its indexes."""
    cursor.execute("SELECT sql FROM sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL ORDER BY sql", [table])
    return [sql for (sql,) in cursor.fetchall()]


def define_postgresql(cursor: Any, table: str) -> list[list[Any]]:
    """Return columns with types and defaults, constraints, and indexes with their operator classes."""
    rows: list[list[Any]] = []
    for sql in (
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attidentity, pg_get_expr(adbin, adrelid) "
        "FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass ORDER BY conname",
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s ORDER BY indexname",
    ):
        cursor.execute(sql, [table])
        rows.extend(list(row) for row in cursor.fetchall())
    return rows


def define_mysql(cursor: Any, table: str) -> list[str]:
    """Return the statement with which MySQL and MariaDB would make the table; indexes in the order of names."""
    cursor.execute(f"SHOW CREATE TABLE {connection.ops.quote_name(table)}")
    lines = re.sub(r" AUTO_INCREMENT=\d+", "", cursor.fetchone()[1]).splitlines()
    columns = [line.rstrip(",") for line in lines if line.startswith("  `")]
    keys = sorted(line.rstrip(",") for line in lines if line.startswith("  ") and not line.startswith("  `"))
    return [lines[0], *columns, *keys, lines[-1]]


DEFINITIONS: dict[str, Callable[[Any, str], list[Any]]] = {
    "sqlite": define_sqlite,
    "postgresql": define_postgresql,
    "mysql": define_mysql,
}
