"""Ask MySQL and MariaDB which transaction isolation a connection has."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

REPEATABLE_READ = "REPEATABLE-READ"

#: MariaDB before 11.1 knows the first name only, MySQL since 8.0 the second only.
_VARIABLES = ("tx_isolation", "transaction_isolation")


def is_repeatable_read(connection: BaseDatabaseWrapper) -> bool:
    """Return whether ``connection`` is to MySQL or MariaDB and would poll one snapshot for ever."""
    if connection.vendor != "mysql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SHOW VARIABLES WHERE Variable_name IN (%s, %s)", _VARIABLES)
        return any(value.upper() == REPEATABLE_READ for _, value in cursor.fetchall())
