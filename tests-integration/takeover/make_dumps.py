"""Record databases made by published releases of django-celery-results.

For each release this builds an environment of its time, lets the release make
and fill a scratch database, and writes the dump and a description of its rows
to ``dumps/``::

    python make_dumps.py
    python make_dumps.py --release 2.5.1 2.6.0 --database sqlite

Needs uv and the client programs of the servers (psql and pg_dump, mariadb and
mariadb-dump) on PATH, and nothing outside the standard library.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Environment:
    """What a release is run with."""

    python: str
    packages: tuple[str, ...]


# Versions that each release supports and that were in use with it. kombu is
# pinned because it decides how JSON results look. Celery before 5.2 finds the
# backend's alias through setuptools, which lost that part in version 82.
RELEASES = {
    # Not Celery 5.1: it hands the parts of a chord's group to a backend that expects the group.
    "2.0.1": Environment(
        "3.8",
        (
            "Django==3.1.14",
            "celery==5.0.5",
            "kombu==5.0.2",
            "psycopg2-binary==2.8.6",
            "PyMySQL==1.0.2",
            "setuptools==68.2.2",
        ),
    ),
    # The only one whose 0009 puts three indexes on columns that are unique anyway.
    "2.1.0": Environment(
        "3.9",
        (
            "Django==3.2.25",
            "celery==5.1.2",
            "kombu==5.1.0",
            "psycopg2-binary==2.9.3",
            "PyMySQL==1.0.2",
            "setuptools==68.2.2",
        ),
    ),
    "2.2.0": Environment(
        "3.9",
        (
            "Django==3.2.25",
            "celery==5.1.2",
            "kombu==5.1.0",
            "psycopg2-binary==2.9.3",
            "PyMySQL==1.0.2",
            "setuptools==68.2.2",
        ),
    ),
    "2.3.1": Environment(
        "3.10",
        ("Django==4.0.10", "celery==5.2.7", "kombu==5.2.4", "psycopg2-binary==2.9.3", "PyMySQL==1.0.2"),
    ),
    "2.5.1": Environment(
        "3.11",
        ("Django==4.2.16", "celery==5.3.6", "kombu==5.3.7", "psycopg[binary]==3.1.20", "PyMySQL==1.1.1"),
    ),
    "2.6.0": Environment(
        "3.13",
        ("Django==5.2.8", "celery==5.5.3", "kombu==5.5.4", "psycopg[binary]==3.2.10", "PyMySQL==1.1.1"),
    ),
}


@dataclass(frozen=True)
class Server:
    """Where a database server is, and who we are there."""

    host: str
    port: str
    user: str
    password: str

    @classmethod
    def from_environment(cls, prefix: str, *, port: str, user: str) -> Server:
        """Read the address from the variables with that prefix."""
        return cls(
            host=os.environ.get(f"{prefix}_HOST", "127.0.0.1"),
            port=os.environ.get(f"{prefix}_PORT", port),
            user=os.environ.get(f"{prefix}_USER", user),
            password=os.environ.get(f"{prefix}_PASSWORD", ""),
        )

    def django_settings(self, engine: str, name: str) -> dict[str, Any]:
        """Return the settings with which Django reaches a database of this server."""
        return {
            "ENGINE": f"django.db.backends.{engine}",
            "HOST": self.host,
            "PORT": self.port,
            "USER": self.user,
            "PASSWORD": self.password,
            "NAME": name,
        }


class Scratch(ABC):
    """A database that exists only while its dump is made."""

    def __init__(self, directory: Path) -> None:
        """Choose a name that no other run uses."""
        self.name = f"dcr_takeover_{uuid.uuid4().hex}"
        self.directory = directory

    @abstractmethod
    def create(self) -> None:
        """Create the empty database."""

    @abstractmethod
    def drop(self) -> None:
        """Remove the database."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the entry for Django's DATABASES."""

    @abstractmethod
    def dump(self) -> str:
        """Return the SQL that makes the database again."""


class SQLite(Scratch):
    """A file in the temporary directory."""

    @property
    def path(self) -> Path:
        """Say where the file is."""
        return self.directory / f"{self.name}.sqlite3"

    def create(self) -> None:
        """Do nothing: the first connection creates the file."""

    def drop(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)

    def settings(self) -> dict[str, Any]:
        """Return the entry for Django's DATABASES."""
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.path)}

    def dump(self) -> str:
        """Return the script of the standard library's own dumper."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return "\n".join(connection.iterdump()) + "\n"


class PostgreSQL(Scratch):
    """A database of a PostgreSQL server."""

    server = Server.from_environment("DCR_POSTGRES", port="5432", user="postgres")

    def create(self) -> None:
        """Create the empty database, independent of the server's locale."""
        self.run_sql(f"CREATE DATABASE {self.name} TEMPLATE template0 ENCODING 'UTF8'")

    def drop(self) -> None:
        """Remove the database."""
        self.run_sql(f"DROP DATABASE IF EXISTS {self.name}")

    def settings(self) -> dict[str, Any]:
        """Return the entry for Django's DATABASES."""
        return self.server.django_settings("postgresql", self.name)

    def dump(self) -> str:
        """Return SQL without the lines that only psql understands."""
        # INSERT instead of COPY: any driver can send it.
        sql = self.client(
            "pg_dump", "--no-owner", "--no-privileges", "--inserts", "--encoding=UTF8", f"--dbname={self.name}"
        )
        return re.sub(r"^\\(?:un)?restrict \w+\n", "", sql, flags=re.MULTILINE)

    def run_sql(self, sql: str) -> None:
        """Run a statement in the maintenance database."""
        self.client("psql", "--no-psqlrc", "--quiet", "--dbname=postgres", f"--command={sql}")

    def client(self, program: str, *options: str) -> str:
        """Run a client program and return its output."""
        address = [f"--host={self.server.host}", f"--port={self.server.port}", f"--username={self.server.user}"]
        password = {"PGPASSWORD": self.server.password} if self.server.password else {}
        return run([program, "--no-password", *address, *options], variables=password)


class MariaDB(Scratch):
    """A database of a MariaDB server."""

    server = Server.from_environment("DCR_MARIADB", port="3306", user="root")

    def create(self) -> None:
        """Create the empty database, with a character set that has room for emoji."""
        # The collation is named because the default one differs between servers.
        self.run_sql(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")

    def drop(self) -> None:
        """Remove the database."""
        self.run_sql(f"DROP DATABASE IF EXISTS {self.name}")

    def settings(self) -> dict[str, Any]:
        """Return the entry for Django's DATABASES."""
        # Before 5.2 Django asked for utf8, which has no room for emoji.
        return {**self.server.django_settings("mysql", self.name), "OPTIONS": {"charset": "utf8mb4"}}

    def dump(self) -> str:
        """Return SQL in which every statement ends with a semicolon at the end of a line."""
        sql = self.client(
            "mariadb-dump",
            "--single-transaction",
            "--skip-add-drop-table",
            "--skip-add-locks",
            "--skip-comments",
            "--skip-disable-keys",
            self.name,
        )
        # "Enable the sandbox mode" is for the mariadb client alone; servers and older clients reject it.
        return re.sub(r"\A/\*M?!999999.*\*/ ?\n", "", sql)

    def run_sql(self, sql: str) -> None:
        """Run a statement outside any database."""
        self.client("mariadb", f"--execute={sql}")

    def client(self, program: str, *options: str) -> str:
        """Run a client program and return its output."""
        # Without --no-defaults, which must come first, the user's own options would shape the dump.
        return run(
            [
                program,
                "--no-defaults",
                f"--host={self.server.host}",
                f"--port={self.server.port}",
                f"--user={self.server.user}",
                "--default-character-set=utf8mb4",
                *options,
            ],
            variables={"MYSQL_PWD": self.server.password},
        )


DATABASES: dict[str, type[Scratch]] = {"sqlite": SQLite, "postgresql": PostgreSQL, "mariadb": MariaDB}


def run(command: list[str], *, directory: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed; its complaints stay visible."""
    finished = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **(variables or {})},
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    return finished.stdout


def build_environment(release: str, directory: Path) -> Path:
    """Install a release with the versions of its time and return its interpreter."""
    environment = RELEASES[release]
    location = directory / "environment"
    python = location / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = [f"django-celery-results=={release}", *environment.packages]
    # Run in the temporary directory, uv does not take this repository for the project to work on.
    run(["uv", "venv", "--quiet", "--python", environment.python, str(location)], directory=directory)
    run(["uv", "pip", "install", "--quiet", "--python", str(python), *packages], directory=directory)
    return python


@contextlib.contextmanager
def scratch_database(vendor: str, directory: Path) -> Iterator[Scratch]:
    """Lend a fresh database."""
    scratch = DATABASES[vendor](directory)
    scratch.create()
    try:
        yield scratch
    finally:
        scratch.drop()


def make_dump(python: Path, vendor: str, directory: Path) -> tuple[str, str]:
    """Return the dump of a database made by a release, and the description of its rows."""
    expected = directory / f"expected-{vendor}.json"
    with scratch_database(vendor, directory) as scratch:
        variables = {
            "DJANGO_SETTINGS_MODULE": "release_settings",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(HERE),
            "PYTHONUTF8": "1",
            "TAKEOVER_DATABASE": json.dumps(scratch.settings()),
        }
        run([str(python), "-m", "django", "migrate", "--verbosity=0"], directory=directory, variables=variables)
        run([str(python), str(HERE / "seed.py"), str(expected)], directory=directory, variables=variables)
        return scratch.dump(), expected.read_text(encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Make the dumps that were asked for, by default all of them."""
    parser = argparse.ArgumentParser(description="Record databases made by published releases.")
    parser.add_argument("--release", nargs="+", choices=RELEASES, default=list(RELEASES))
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--output", type=Path, default=HERE / "dumps")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)

    for release in options.release:
        with tempfile.TemporaryDirectory(prefix="dcr-takeover-") as temporary:
            directory = Path(temporary)
            python = build_environment(release, directory)
            for vendor in options.database:
                dump, expected = make_dump(python, vendor, directory)
                target = options.output / f"{release}-{vendor}.sql.gz"
                # No time in the header: the same dump is the same file.
                target.write_bytes(gzip.compress(dump.encode(), mtime=0))
                target.with_name(f"{release}-{vendor}.json").write_text(expected, encoding="utf-8")
                print(f"{target.name}: {len(dump):,} characters of SQL")


if __name__ == "__main__":
    main(sys.argv[1:])
