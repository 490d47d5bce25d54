"""Real processes of Celery (workers, beat) that run the project in ``workers/project``.

None outlives its ``with`` block: each runs in a session of its own, which is ended as a whole.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

#: Folder that holds the project, to be put on the import path.
PROJECT = Path(__file__).resolve().parent.parent / "workers" / "project"

#: Seconds that a process may take to start, and to end after the signal.
PATIENCE = 30

#: What Celery itself says: to root, which is who runs in containers, and when it kills a process.
EXPECTED_WARNINGS = (
    "SecurityWarning: You're running the worker with superuser privileges",
    ": WARNING/MainProcess] Soft time limit (",
    "billiard/popen_fork.py",  # Python 3.12 warns of forks beside threads: another process for a killed one
)


def environment(settings: dict[str, Any]) -> dict[str, str]:
    """Return the environment in which a process runs the project with ``settings``; every warning is shown."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CELERY"))}
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        # Python 3.13 reports connections to SQLite that are open when a process ends.
        "PYTHONWARNINGS": "default,ignore::ResourceWarning",
        "SHOP_SETTINGS": json.dumps(settings),
    }


def run(*arguments: str, settings: dict[str, Any], folder: Path, python: str = sys.executable) -> Any:
    """Run ``python -m ARGUMENTS`` to its end, at most 60 seconds; return the CompletedProcess with its output."""
    return subprocess.run(
        [python, "-m", *arguments],
        cwd=folder,
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def migrate(settings: dict[str, Any], folder: Path, python: str = sys.executable) -> None:
    """Create the tables of the project."""
    done = run("django", "migrate", "--verbosity=0", settings=settings, folder=folder, python=python)
    assert done.returncode == 0, done.stdout + done.stderr


class CeleryProcess:
    """A ``celery`` command that goes on until it is stopped; entering starts it, leaving ends it."""

    #: All that were started, so that their logs can be shown with a test that fails.
    started: ClassVar[list[CeleryProcess]] = []

    def __init__(
        self, *arguments: str, settings: dict[str, Any], folder: Path, python: str = sys.executable, ready: str = ""
    ) -> None:
        """Describe ``celery -A shop ARGUMENTS``, whose log has the text ``ready`` when it has started."""
        self.command = [python, "-m", "celery", "--app", "shop", *arguments]
        self.settings = settings
        self.folder = folder
        self.ready = ready
        self.log_file = folder / f"{arguments[0]}-{uuid.uuid4().hex[:8]}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(self)
        try:
            self.wait_for(self.ready)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._end()

    @property
    def log(self) -> str:
        """Return what the process has said so far."""
        return self.log_file.read_text(errors="replace")

    @property
    def unexpected(self) -> list[str]:
        """Return the lines of the log that warn, or are critical, and should not be there."""
        lines = re.findall(r"^.*(?:Warning:|: WARNING/|: CRITICAL/).*$", self.log, re.MULTILINE)
        return [line for line in lines if not any(expected in line for expected in EXPECTED_WARNINGS)]

    def wait_for(self, text: str, seconds: float = PATIENCE) -> str:
        """Return the log when ``text`` is in it; fail, with the log, when the process ends first or time is up."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while text not in self.log:
            if self.process.poll() is not None and text not in self.log:
                raise AssertionError(f"ended with {self.process.returncode} before it said {text!r}:\n{self.log}")
            if time.monotonic() > deadline:
                raise AssertionError(f"did not say {text!r} within {seconds} seconds:\n{self.log}")
            time.sleep(0.05)
        return self.log

    def wait(self, seconds: float = PATIENCE) -> int:
        """Return the exit code when the process has ended by itself."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {seconds} seconds:\n{self.log}") from None

    def terminate(self) -> None:
        """Ask the process to finish its work and end, as a service manager does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ask the process to end, wait until it has, and return the exit code."""
        self.terminate()
        return self.wait()

    @property
    def is_running(self) -> bool:
        """Return whether the process has not ended yet."""
        return self.process is not None and self.process.poll() is None

    @property
    def has_orphans(self) -> bool:
        """Return whether something that the process started is still there."""
        assert self.process is not None
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _end(self) -> None:
        """Kill the process and everything that it started, where they still run."""
        assert self.process is not None
        if self.has_orphans:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


def worker(
    *options: str,
    settings: dict[str, Any],
    folder: Path,
    pool: str = "prefork",
    concurrency: int = 4,
    python: str = sys.executable,
) -> CeleryProcess:
    """Return a worker; entering waits until it is ready."""
    arguments = ["--pool", pool, "--concurrency", str(concurrency), "--loglevel", "INFO", *options]
    return CeleryProcess("worker", *arguments, settings=settings, folder=folder, python=python, ready=" ready.")


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Return the first true value of ``condition``; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} seconds")
        time.sleep(0.05)
    return value
