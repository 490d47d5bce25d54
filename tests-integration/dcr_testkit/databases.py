"""The recorded databases, and scratch databases that hold one of them, or nothing yet.

Needs a driver only for the server in question: psycopg for PostgreSQL, MySQLdb for MariaDB. Where the
servers are is said by ``dcr_testkit.services``.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from dcr_testkit import services

DUMPS = Path(__file__).resolve().parents[1] / "takeover" / "dumps"


@dataclass(frozen=True)
class Recording:
    """A database that a release made, and the description of its rows."""

    release: str
    vendor: str

    @property
    def dump(self) -> Path:
        """Say where the SQL is."""
        return DUMPS / f"{self.release}-{self.vendor}.sql.gz"

    def describe(self) -> dict[str, Any]:
        """Return the rows as the release itself reads them."""
        description: dict[str, Any] = json.loads((DUMPS / f"{self.release}-{self.vendor}.json").read_text("utf-8"))
        return description


class Scratch(ABC):
    """A database with a name that nobody else uses."""

    def __init__(self, directory: Path) -> None:
        self.name = f"dcr_takeover_{uuid.uuid4().hex}"
        self.directory = directory

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the entry for Django's DATABASES."""

    @abstractmethod
    def create(self) -> None:
        """Create the empty database."""

    @abstractmethod
    def load(self, sql: str) -> None:
        """Run the SQL of a dump."""

    @abstractmethod
    def drop(self) -> None:
        """Remove the database, whatever it holds."""


class SQLite(Scratch):
    """A file in the directory."""

    @property
    def path(self) -> Path:
        """Say where the file is."""
        return self.directory / f"{self.name}.sqlite3"

    def settings(self) -> dict[str, Any]:
        """Return the entry for Django's DATABASES."""
        # A scratch database need not survive a crash.
        return {**services.SQLITE, "NAME": str(self.path), "OPTIONS": {"init_command": "PRAGMA synchronous=OFF"}}

    def create(self) -> None:
        """Do nothing: the first connection creates the file."""

    def load(self, sql: str) -> None:
        """Run the SQL of a dump."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(sql)

    def drop(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


class PostgreSQL(Scratch):
    """A database of the PostgreSQL server."""

    def settings(self) -> dict[str, Any]:
        """Return the entry for Django's DATABASES."""
        return {**services.POSTGRESQL, "NAME": self.name, "OPTIONS": {"options": "-c synchronous_commit=off"}}

    def create(self) -> None:
        """Create the empty database, independent of the server's locale."""
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {self.name} TEMPLATE template0 ENCODING 'UTF8'")

    def load(self, sql: str) -> None:
        """Run the SQL of a dump."""
        # In one piece because the text of a row may contain the end of a statement, and over
        # a connection of its own because a dump changes the search path.
        with self.connect(self.name) as connection:
            connection.execute(sql)

    def drop(self) -> None:
        """Remove the database, even while someone is connected."""
        with self.connect("postgres") as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def connect(self, name: str) -> AbstractContextManager[Any]:
        """Open a connection that commits by itself."""
        server = services.POSTGRESQL
        connection: AbstractContextManager[Any] = import_module("psycopg").connect(
            host=server["HOST"],
            port=server["PORT"],
            user=server["USER"],
            password=server["PASSWORD"] or None,
            dbname=name,
            autocommit=True,
        )
        return connection


class MariaDB(Scratch):
    """A database of the MariaDB server."""

    def settings(self) -> dict[str, Any]:
        """Return the entry for Django's DATABASES."""
        return {**services.MARIADB, "NAME": self.name}

    def create(self) -> None:
        """Create the empty database like the one that was dumped."""
        with self.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")

    def load(self, sql: str) -> None:
        """Run the SQL of a dump."""
        with self.cursor(self.name) as cursor:
            # mariadb-dump escapes the line ends in texts, so that this is where statements end.
            for statement in sql.split(";\n"):
                if statement.strip():
                    cursor.execute(statement)

    def drop(self) -> None:
        """Remove the database."""
        with self.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {self.name}")

    @contextmanager
    def cursor(self, name: str = "") -> Iterator[Any]:
        """Lend a cursor whose statements commit by themselves."""
        server = services.MARIADB
        connection = import_module("MySQLdb").connect(
            host=server["HOST"],
            port=int(server["PORT"]),
            user=server["USER"],
            password=server["PASSWORD"],
            database=name,
            charset="utf8mb4",
            autocommit=True,
        )
        with closing(connection), closing(connection.cursor()) as cursor:
            yield cursor


VENDORS: dict[str, type[Scratch]] = {"sqlite": SQLite, "postgresql": PostgreSQL, "mariadb": MariaDB}


@contextmanager
def scratch_database(vendor: str, directory: Path, dump: Path | None = None) -> Iterator[dict[str, Any]]:
    """Lend a database that holds ``dump``, or nothing, as an entry for Django's DATABASES."""
    scratch = VENDORS[vendor](directory)
    scratch.create()
    try:
        if dump is not None:
            scratch.load(gzip.decompress(dump.read_bytes()).decode())
        yield scratch.settings()
    finally:
        scratch.drop()
