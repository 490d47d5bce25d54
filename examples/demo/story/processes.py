"""The worker and the web server, as child processes that always end with the story."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.request import ProxyHandler, build_opener

from django.conf import settings

from . import console

START_SECONDS = 40
STOP_SECONDS = 30  # Celery takes some 6 to stop with this broker

WORKER_NAME = "w1@shop"
WORKER_PROCESSES = 2


class Process:
    """A child process with its output in a log file.

    It gets a session of its own: Ctrl-C then reaches the story alone, which ends its children in order.
    """

    def __init__(self, *arguments: str, log: Path, stop_signal: signal.Signals) -> None:
        self.log = log
        self._stop_signal = stop_signal
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=settings.BASE_DIR,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._child.pid
        self._stopped = False
        #: Whether, when it was stopped, something of it had to be killed.
        self.left_something = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if exc is not None and self.is_running():
                console.line(f"\n  ending process {self.pid} ({self.log.stem}), which can take some seconds")
        finally:
            self.stop()

    def is_running(self) -> bool:
        """Return whether the process has not ended."""
        return self._child.poll() is None

    def wait_until(self, is_ready: Callable[[], bool]) -> float:
        """Wait until ``is_ready`` holds; return how many seconds that took. Raises RuntimeError."""
        started = time.monotonic()
        while not is_ready():
            if not self.is_running():
                raise RuntimeError(f"{self.log.name}: the process ended with {self._child.returncode}")
            if time.monotonic() - started > START_SECONDS:
                raise RuntimeError(f"{self.log.name}: the process is not ready after {START_SECONDS} seconds")
            time.sleep(0.05)
        return time.monotonic() - started

    def stop(self) -> int:
        """Ask the process to end and return its exit code; kill what is left of it and its children."""
        if self._stopped:
            return self._child.wait()
        try:
            if self.is_running():
                self._child.send_signal(self._stop_signal)
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # killed below, which shows in the exit code
        finally:
            self._stopped = True
            self.left_something = self._kill()
        return self._child.wait()

    def _kill(self) -> bool:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def start_worker() -> Process:
    """Start ``celery worker`` with a pool of processes."""
    return Process(
        *("-m", "celery", "-A", "demo", "worker"),
        *("--pool", "prefork", "--concurrency", str(WORKER_PROCESSES), "--hostname", WORKER_NAME),
        # There are no other workers to talk to.
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"),
        log=settings.VAR_DIR / "worker.log",
        stop_signal=signal.SIGTERM,  # a warm shutdown: running tasks are finished
    )


def is_worker_ready(worker: Process) -> bool:
    """Return whether the worker has said in its log that it takes tasks."""
    return f"{WORKER_NAME} ready." in worker.log.read_text(errors="replace")


def start_server(port: int) -> Process:
    """Start Django's development server."""
    return Process(
        *("manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"),
        log=settings.VAR_DIR / "server.log",
        stop_signal=signal.SIGINT,  # what Ctrl-C sends: runserver ends with 0
    )


def answers(url: str) -> bool:
    """Return whether a GET of ``url`` ends with a page."""
    directly = build_opener(ProxyHandler({}))  # a proxy of the environment does not know this machine's ports
    try:
        with directly.open(url, timeout=5):
            return True
    except OSError:
        return False


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
