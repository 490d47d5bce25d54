"""Processes that finish one chord together: the body is sent once, whoever is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from dcr_testkit.settings import VENDOR

from . import part_worker

#: SQLite's ways to write: with a journal of its own per transaction, as by default, or with one log.
DATABASES = ["delete", "wal"] if VENDOR == "sqlite" else [VENDOR]

pytestmark = pytest.mark.django_db(transaction=True)


class Processes:
    """Starts processes on one database, and collects what they send."""

    def __init__(self, database: dict[str, Any], journal: str | None) -> None:
        self.database = database
        self.journal = journal
        self.started: list[subprocess.Popen[str]] = []
        #: Tasks that were sent: name, arguments.
        self.sent: list[Any] = []

    def apply(self, parts: list[str]) -> None:
        self.finish(self.start("apply", parts=parts))

    def let_return(self, *parts: list[str]) -> None:
        """Let the parts of each list return in one process, all at the same time."""
        self.run(*(self.start("return", parts=some) for some in parts))

    def run(self, *workers: subprocess.Popen[str]) -> None:
        """Let processes that have been started work at the same time."""
        for worker in workers:
            self.is_ready(worker)
        for worker in workers:
            self.go(worker)
        for worker in workers:
            self.finish(worker)

    def start(self, *do: str, **more: Any) -> subprocess.Popen[str]:
        order = {"do": do, "database": self.database, "journal": self.journal, **more}
        command = [sys.executable, part_worker.__file__, json.dumps(order)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.started.append(process)
        return process

    def is_ready(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stdout.readline() == '"ready"\n'

    def go(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    def finish(self, process: subprocess.Popen[str], code: int = 0) -> None:
        """Wait for the process, which must not have anything to complain about."""
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == code, stderr
        assert "could not be" not in stderr
        assert "Traceback" not in stderr
        self.sent += [json.loads(line) for line in stdout.splitlines()]


@pytest.fixture(params=DATABASES)
def processes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Processes]:
    """Return processes on the database of the test; on a file of their own in the case of SQLite."""
    names = ("ENGINE", "NAME", "HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
    database = {name: connection.settings_dict[name] for name in names}
    if VENDOR == "sqlite":
        database = {"ENGINE": database["ENGINE"], "NAME": str(tmp_path / "chords.sqlite3")}
    processes = Processes(database, request.param if VENDOR == "sqlite" else None)
    yield processes
    for process in processes.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ids(count: int) -> list[str]:
    return [f"part {number:03}" for number in range(count)]


def test_four_processes_with_fifty_parts_each(processes: Processes) -> None:
    parts = ids(200)
    processes.apply(parts)
    processes.let_return(*(parts[first::4] for first in range(4)))
    assert processes.sent == [["tests.body", parts]]


def test_parts_that_are_delivered_to_all_processes(processes: Processes) -> None:
    parts = ids(10)
    processes.apply(parts)
    processes.let_return(parts, parts, parts)
    assert processes.sent == [["tests.body", parts]]


def test_sweep_while_parts_return(processes: Processes) -> None:
    """It recounts again and again, and may be the one that sends the body."""
    parts = ids(60)
    processes.apply(parts)
    processes.run(processes.start("watch"), *(processes.start("return", parts=parts[first::3]) for first in range(3)))
    assert processes.sent == [["tests.body", parts]]


@pytest.mark.parametrize("processes", DATABASES[:1], indirect=True)
@pytest.mark.parametrize(
    ("before", "times"),
    [
        (r"INSERT INTO \S*taskresult", 0),
        (r"UPDATE \S*chordcounter SET count = (CASE|LAST_INSERT_ID)", 1),
        (r"UPDATE \S*chordcounter SET claimed_by = ", 1),
        (r"FROM \S*taskresult WHERE \S*task_id (IN|= ANY)", 1),
        (r"UPDATE \S*chordcounter SET claimed_at = ", 1),
        (r"DELETE FROM \S*chordcounter", 2),
    ],
    ids=["store", "count", "claim", "read the header", "renew the claim", "delete the counter"],
)
def test_killed_before(processes: Processes, before: str, times: int) -> None:
    """What was stored is enough for the next sweep."""
    parts = ids(3)
    dying = processes.start("apply", "return", parts=parts, killed_before=before)
    processes.is_ready(dying)
    processes.go(dying)
    processes.finish(dying, code=-signal.SIGKILL)
    if not times:  # the broker delivers the part again
        processes.let_return(parts[2:])
    processes.finish(processes.start("sweep"))
    assert processes.sent == [["tests.body", parts]] * (times or 1)
