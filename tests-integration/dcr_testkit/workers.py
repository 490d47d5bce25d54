"""Real processes of Celery (workers, beat) that run the project ``workers/shop``, and the brokers between them.

Nothing here outlives its ``with`` block: processes run in a session of their own, which is ended as a
whole; queues, keys and folders are removed.
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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

from kombu import Connection

from dcr_testkit import services

#: Folder that holds the project, to be put on the import path.
PROJECTS = Path(__file__).resolve().parent.parent / "workers"

#: Seconds that a process may take to start, and to end after the signal.
PATIENCE = 30

#: What Celery itself says to everybody who runs it as root, as containers do.
EXPECTED_WARNINGS = ("SecurityWarning: You're running the worker with superuser privileges",)


def environment(settings: dict[str, Any]) -> dict[str, str]:
    """Return the environment in which a process runs the project with ``settings``; every warning is shown."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CELERY"))}
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "PYTHONPATH": str(PROJECTS),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "default",
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

    def stop(self) -> int:
        """Ask the process to finish its work and end, as a service manager does; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

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


#: Takes a folder for what the broker needs on disk; lends the settings that lead to it.
Broker = Callable[[Path], AbstractContextManager[dict[str, Any]]]


@contextmanager
def filesystem(folder: Path) -> Iterator[dict[str, Any]]:
    """Lend a broker that keeps messages in files."""
    messages, control = folder / "messages", folder / "control"
    for path in (messages, control):
        path.mkdir()
    options = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": 0.05,  # seconds; kombu's own is 1
    }
    yield {"CELERY_BROKER_URL": "filesystem://localhost//", "CELERY_BROKER_TRANSPORT_OPTIONS": options}


@contextmanager
def redis(folder: Path) -> Iterator[dict[str, Any]]:
    """Lend the Redis server, where every key has a prefix of its own."""
    from redis import Redis

    url = f"{services.REDIS_URL}/6"
    prefix = f"dcr-{uuid.uuid4().hex}-"
    try:
        yield {"CELERY_BROKER_URL": url, "CELERY_BROKER_TRANSPORT_OPTIONS": {"global_keyprefix": prefix}}
    finally:
        with Redis.from_url(url) as client:
            if keys := list(client.scan_iter(match=f"{prefix}*", count=1000)):
                client.delete(*keys)


@contextmanager
def rabbitmq(folder: Path) -> Iterator[dict[str, Any]]:
    """Lend the RabbitMQ server, with a queue and exchanges of its own."""
    name = f"dcr-{uuid.uuid4().hex}"
    control, events = f"{name}-control", f"{name}-events"
    try:
        yield {
            "CELERY_BROKER_URL": services.RABBITMQ_URL,
            "CELERY_TASK_DEFAULT_QUEUE": name,
            "CELERY_CONTROL_EXCHANGE": control,
            "CELERY_EVENT_EXCHANGE": events,
        }
    finally:
        with Connection(services.RABBITMQ_URL, connect_timeout=5) as connection:
            channel = connection.channel()
            channel.queue_delete(name)
            for exchange in (name, events, f"{control}.pidbox", f"reply.{control}.pidbox"):
                channel.exchange_delete(exchange)


BROKERS: dict[str, Broker] = {"filesystem": filesystem, "redis": redis, "rabbitmq": rabbitmq}


def celery_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return those of the project's settings that are Celery's, under Celery's own names."""
    return {
        name.removeprefix("CELERY_").lower(): value for name, value in settings.items() if name.startswith("CELERY_")
    }


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Return the first true value of ``condition``; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} seconds")
        time.sleep(0.05)
    return value
