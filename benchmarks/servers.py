"""The servers, on loopback unless the environment says otherwise, and what is created there for one run."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

#: Every scratch database, folder and Redis key starts with this, then something random.
PREFIX = "dcr_bench_"

POSTGRESQL: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": os.environ.get("DCR_POSTGRES_HOST", "127.0.0.1"),
    "PORT": os.environ.get("DCR_POSTGRES_PORT", "5432"),
    "USER": os.environ.get("DCR_POSTGRES_USER", "postgres"),
    "PASSWORD": os.environ.get("DCR_POSTGRES_PASSWORD", ""),
}
MARIADB: dict[str, Any] = {
    "ENGINE": "django.db.backends.mysql",
    "HOST": os.environ.get("DCR_MARIADB_HOST", "127.0.0.1"),
    "PORT": os.environ.get("DCR_MARIADB_PORT", "3306"),
    "USER": os.environ.get("DCR_MARIADB_USER", "root"),
    "PASSWORD": os.environ.get("DCR_MARIADB_PASSWORD", ""),
}
REDIS_URL = os.environ.get("DCR_REDIS_URL", "redis://127.0.0.1:6379") + "/9"

#: What can follow ``--databases``: Django's settings without a name.
DATABASES: dict[str, dict[str, Any]] = {
    "postgresql": POSTGRESQL,
    "postgresql-tuned": {**POSTGRESQL, "OPTIONS": {"server_side_binding": True, "prepare_threshold": 5}},
    "mariadb": MARIADB,
    "sqlite": {"ENGINE": "django.db.backends.sqlite3"},
}
TITLES = {
    "postgresql": "PostgreSQL, Django's default connection",
    "postgresql-tuned": "PostgreSQL, server_side_binding and prepare_threshold 5",
    "mariadb": "MariaDB",
    "sqlite": "SQLite, a file in WAL mode",
}


def vendor_of(database: str) -> str:
    """Return postgresql, mariadb or sqlite."""
    return database.partition("-")[0]


@contextmanager
def scratch(database: str) -> Iterator[dict[str, Any]]:
    """Lend a fresh database as Django's settings of it; it is dropped whatever happens."""
    with _SCRATCH[vendor_of(database)](f"{PREFIX}{uuid.uuid4().hex[:16]}") as name:
        yield {**DATABASES[database], "NAME": name}


@contextmanager
def _scratch_postgresql(name: str) -> Iterator[str]:
    _postgresql(f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        _postgresql(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _scratch_mariadb(name: str) -> Iterator[str]:
    _mariadb(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        yield name
    finally:
        # A connection that somebody has left in a transaction would let the DROP wait for ever.
        for (connection,) in _mariadb(f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"):
            with suppress(Exception):  # it has gone by itself
                _mariadb(f"KILL CONNECTION {connection}")
        _mariadb(f"DROP DATABASE {name}")


@contextmanager
def _scratch_sqlite(name: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix=name) as folder:
        file = Path(folder) / "results.sqlite3"
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        yield str(file)


_SCRATCH = {"postgresql": _scratch_postgresql, "mariadb": _scratch_mariadb, "sqlite": _scratch_sqlite}


def _postgresql(statement: str) -> list[Any]:
    """Run a statement outside any scratch database; return its rows."""
    import psycopg

    with psycopg.connect(
        host=POSTGRESQL["HOST"],
        port=POSTGRESQL["PORT"],
        user=POSTGRESQL["USER"],
        password=POSTGRESQL["PASSWORD"],
        dbname="postgres",
        autocommit=True,
    ) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _mariadb(statement: str) -> list[Any]:
    """Run a statement outside any scratch database; return its rows."""
    import MySQLdb  # type: ignore[import-untyped] # it has no type hints

    with closing(
        MySQLdb.connect(
            host=MARIADB["HOST"], port=int(MARIADB["PORT"]), user=MARIADB["USER"], password=MARIADB["PASSWORD"]
        )
    ) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall())


@contextmanager
def redis_keys() -> Iterator[dict[str, str]]:
    """Lend the Redis server: its address, and a prefix whose keys are deleted in the end."""
    from redis import Redis

    prefix = f"{PREFIX}{uuid.uuid4().hex[:16]}_"
    try:
        yield {"url": REDIS_URL, "prefix": prefix}
    finally:
        with Redis.from_url(REDIS_URL) as client:
            keys = list(client.scan_iter(match=f"{prefix}*", count=1000))
            for start in range(0, len(keys), 1000):
                client.delete(*keys[start : start + 1000])


def address(database: str) -> tuple[str, int] | None:
    """Return host and port of a database, None of one that is a file."""
    entry = DATABASES[database]
    return (entry["HOST"], int(entry["PORT"])) if "PORT" in entry else None


def versions(databases: list[str], *, redis: bool) -> dict[str, str]:
    """Return what the servers say they are, and how they treat a commit."""
    found = {}
    vendors = {vendor_of(database) for database in databases}
    if "postgresql" in vendors:
        found["PostgreSQL"] = _postgresql("SHOW server_version")[0][0].split()[0]
        found["PostgreSQL's fsync"] = _postgresql("SHOW fsync")[0][0]
    if "mariadb" in vendors:
        setting = "innodb_flush_log_at_trx_commit"
        ((found["MariaDB"], flush),) = _mariadb(f"SELECT VERSION(), @@{setting}")
        found[f"MariaDB's {setting}"] = str(flush)
    if redis:
        from redis import Redis

        with Redis.from_url(REDIS_URL) as client:
            found["Redis"] = str(client.info("server")["redis_version"])
    return found
