"""What the backends say when something is wrong, and which database errors are safe to try again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, InterfaceError, OperationalError, ProgrammingError

from dcr_models import checks

#: The driver's connection is gone; a fresh one may do. PostgreSQL: admin shutdown, crash, starting up.
_POSTGRESQL_LOST = frozenset({"57P01", "57P02", "57P03"})
#: Class of SQLSTATEs about the connection itself.
_POSTGRESQL_CONNECTION_CLASS = "08"
#: Cannot connect (2002, 2003), gone away (2006), lost (2013, 2055), shutting down (1053), killed (1927), idle (4031).
_MYSQL_LOST = frozenset({1053, 1927, 2002, 2003, 2006, 2013, 2055, 4031})

#: The statement lost against another one: serialization failure, deadlock, lock not available.
_POSTGRESQL_CONFLICT = frozenset({"40001", "40P01", "55P03"})
#: Lock wait timeout, deadlock, MariaDB's "record has changed since last read".
_MYSQL_CONFLICT = frozenset({1205, 1213, 1020})
#: SQLITE_BUSY and SQLITE_LOCKED; extended codes carry more in the higher bits.
_SQLITE_CONFLICT = frozenset({5, 6})

_POSTGRESQL_NO_TABLE = "42P01"
_MYSQL_NO_TABLE = 1146


def is_lost_connection(exc: BaseException) -> bool:
    """Return whether ``exc`` says that the connection to the database is unusable.

    Knows psycopg 2 and 3, mysqlclient, PyMySQL and sqlite3, behind Django's exceptions or bare.
    """
    if isinstance(exc, InterfaceError):
        return True
    driver_error = _driver_error(exc)
    if type(driver_error).__name__ == "InterfaceError":
        return True
    if not _is_operational(exc):
        return False
    if _is_psycopg(driver_error):
        state = _sqlstate(driver_error)
        # libpq reports what happens below the protocol, such as a closed socket, without a SQLSTATE.
        return state is None or state in _POSTGRESQL_LOST or state.startswith(_POSTGRESQL_CONNECTION_CLASS)
    return _mysql_code(driver_error) in _MYSQL_LOST


def is_conflict(exc: BaseException) -> bool:
    """Return whether ``exc`` says that the statement lost against a concurrent one, and may win next time."""
    driver_error = _driver_error(exc)
    return (
        _sqlstate(driver_error) in _POSTGRESQL_CONFLICT
        or _mysql_code(driver_error) in _MYSQL_CONFLICT
        or _sqlite_code(driver_error) in _SQLITE_CONFLICT
    )


def is_missing_table(exc: BaseException) -> bool:
    """Return whether ``exc`` says that a table does not exist."""
    driver_error = _driver_error(exc)
    return (
        _sqlstate(driver_error) == _POSTGRESQL_NO_TABLE
        or _mysql_code(driver_error) == _MYSQL_NO_TABLE
        or (_sqlite_code(driver_error) is not None and "no such table" in str(driver_error))
    )


@contextmanager
def explained(table: str, using: str) -> Iterator[None]:
    """Turn the error about a missing table into ImproperlyConfigured that says what to run."""
    try:
        yield
    except (ProgrammingError, OperationalError) as exc:
        if is_missing_table(exc) and table in str(exc):  # not one that a signal receiver or a foreign key asked for
            raise ImproperlyConfigured(checks.missing_tables_problem([table], using)) from exc
        raise


def undecodable(what: str, exc: BaseException) -> str:
    """Return the message for a stored value that its serializer cannot read."""
    return f"The stored {what} cannot be decoded: {exc}. The row is left as it is."


def _driver_error(exc: BaseException) -> BaseException:
    """Return the driver's exception behind Django's."""
    return exc.__cause__ if isinstance(exc, Error) and exc.__cause__ is not None else exc


def _is_operational(exc: BaseException) -> bool:
    return isinstance(exc, OperationalError) or type(exc).__name__ == "OperationalError"


def _is_psycopg(exc: BaseException) -> bool:
    # Class by class: psycopg keeps an exception per SQLSTATE, and its pool has classes of its own.
    return any(cls.__module__.partition(".")[0] in ("psycopg", "psycopg2", "psycopg_pool") for cls in type(exc).__mro__)


def _sqlstate(exc: BaseException) -> str | None:
    state: str | None = getattr(exc, "sqlstate", None) or getattr(exc, "pgcode", None)
    return state


def _mysql_code(exc: BaseException) -> Any:
    """Return the number that mysqlclient and PyMySQL put first, None for other drivers' exceptions."""
    if type(exc).__module__.partition(".")[0] not in ("MySQLdb", "pymysql"):
        return None
    return exc.args[0] if exc.args else None


def _sqlite_code(exc: BaseException) -> int | None:
    code = getattr(exc, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
