"""A contestant's process, seen from the run: questions and answers, one JSON object per line."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

#: The folder above this package, from which ``-m benchmarks.contestant`` works in every environment.
ROOT = Path(__file__).resolve().parent.parent

#: Seconds that one answer may take; cleaning 200,000 rows is what takes longest.
PATIENCE = 300


class ContestantError(Exception):
    """The contestant could not do what it was asked; the text says why."""


class NoAnswerError(ContestantError):
    """The process has ended, or does not come to an end."""


class ContestantProcess:
    """A process that answers until it is closed."""

    def __init__(self, python: str, specification: dict[str, Any], log: Path) -> None:
        """Start the process; its first answer, to what it is told here, says that it is ready."""
        self._log = log
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CELERY"))}
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.contestant"],
                cwd=ROOT,
                env={**inherited, "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.send(specification)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a question and return the answer; raise ContestantError where it is an error, or none comes."""
        self.send({"do": do, **arguments})
        return self.receive()

    def send(self, message: dict[str, Any]) -> None:
        """Send a question without waiting."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise NoAnswerError(f"the process has ended; its log:\n{self.log}") from None

    def receive(self) -> dict[str, Any]:
        """Return the answer to the oldest question."""
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise NoAnswerError(f"no answer within {PATIENCE} seconds; its log:\n{self.log}") from None
        if line is None:
            raise NoAnswerError(f"the process has ended; its log:\n{self.log}")
        answer: dict[str, Any] = json.loads(line)
        if error := answer.get("error"):
            raise ContestantError(error)
        return answer

    @property
    def log(self) -> str:
        """Return the end of what the process wrote to stderr."""
        return self._log.read_text(errors="replace")[-4000:]

    def close(self) -> None:
        """End the process and what it has started; a second time does nothing."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads a group of its own, with its children
            self._process.wait(5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)
