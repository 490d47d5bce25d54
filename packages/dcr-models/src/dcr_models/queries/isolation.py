"""Ask MySQL and MariaDB which transaction isolation a connection has."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

REPEATABLE_READ = "REPEATABLE-READ"

W_REPEATABLE_READ = (
    "Polling results within one transaction at isolation level REPEATABLE READ sees the first answer for ever. "
    "Set 'isolation_level': 'read committed' in the OPTIONS of the database, or poll outside of transactions."
)

#: MariaDB before 11.1 knows the first name only, MySQL since 8.0 the second only.
_VARIABLES = ("tx_isolation", "transaction_isolation")


class TxIsolationWarning(UserWarning):
    """A result is polled on a connection whose isolation level hides other transactions' commits."""


def is_repeatable_read(connection: BaseDatabaseWrapper) -> bool:
    """Return whether ``connection`` is to MySQL or MariaDB and would poll one snapshot for ever."""
    if connection.vendor != "mysql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SHOW VARIABLES WHERE Variable_name IN (%s, %s)", _VARIABLES)
        return any(value.upper() == REPEATABLE_READ for _, value in cursor.fetchall())
