"""The whole story, from an empty folder to a stopped worker."""

import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from celery import __version__ as celery_version
from django import __version__ as django_version
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.urls import reverse

from django_celery_results import __version__

from . import console, pages, processes, rows
from .expectations import Expectations
from .processes import Process
from .scenes import Scenes

#: Seconds after which the story is given up, whatever it waits for.
STORY_SECONDS = 100

ADMIN_NAME = "admin"


def play(*, serve: bool, serve_seconds: float | None) -> list[str]:
    """Play the story and return what differed from what was expected.

    ``serve``: keep worker and server up afterwards, until Ctrl-C or for ``serve_seconds``.
    """
    started = time.monotonic()
    expect = Expectations()
    scenes = Scenes(expect)
    with time_limit(STORY_SECONDS):
        introduce()
        password = make_database()
    with processes.start_worker() as worker:
        with time_limit(STORY_SECONDS - (time.monotonic() - started)):
            wait_for_worker(worker)
            console.heading("Tasks, and what came of them")
            scenes.play()
            console.heading("What the database holds now")
            rows.show()
            rows.compare(scenes, expect)
            console.heading("What the URLs answer")
            pages.visit(scenes, expect)
        if serve:
            keep_up(worker, scenes, expect, password=password, seconds=serve_seconds)
        stop_worker(worker, expect)
    conclude(scenes, expect, time.monotonic() - started)
    return expect.differences


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError where the block takes longer, wherever it is."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"The story took more than {STORY_SECONDS} seconds.")

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def introduce() -> None:
    """Say what is running."""
    console.heading("Celery's results in Django's database: a demo")
    python_version = ".".join(map(str, sys.version_info[:3]))
    console.line(
        f"django-celery-results {__version__}, Celery {celery_version}, Django {django_version}, "
        f"Python {python_version}"
    )


def make_database() -> str:
    """Create the database and a superuser; return the superuser's password."""
    console.heading("A fresh database")
    call_command("migrate", verbosity=0)
    applied = len(MigrationRecorder(connection).applied_migrations())
    console.line(f"{in_project(settings.DATABASES['default']['NAME'])}: {applied} migrations applied")
    password = secrets.token_urlsafe(9)
    User.objects.create_superuser(ADMIN_NAME, password=password)
    return password


def wait_for_worker(worker: Process) -> None:
    """Wait until the worker takes tasks."""
    console.heading("A worker")
    seconds = worker.wait_until(lambda: processes.is_worker_ready(worker))
    console.line(
        f"celery worker {processes.WORKER_NAME} with {processes.WORKER_PROCESSES} processes "
        f"is ready after {seconds:.1f} s (process {worker.pid}, {in_project(worker.log)})"
    )


def stop_worker(worker: Process, expect: Expectations) -> None:
    """Shut the worker down as an operator does: SIGTERM, on which it finishes what it has begun."""
    console.heading("The end")
    started = time.monotonic()
    code = worker.stop()
    console.line(f"the worker has shut down with exit code {code} after {time.monotonic() - started:.1f} s")
    expect.equal("exit code of the worker", code, 0)
    expect.true("the worker left processes behind, which were killed", not worker.left_something)
    log = worker.log.read_text(errors="replace").splitlines()
    expect.equal("critical lines in the worker's log", [line for line in log if "CRITICAL" in line], [])


def keep_up(worker: Process, scenes: Scenes, expect: Expectations, *, password: str, seconds: float | None) -> None:
    """Start Django's server and leave everything up until Ctrl-C, SIGTERM or the end of ``seconds``."""
    console.heading("At your service")
    port = processes.free_port()
    site = f"http://127.0.0.1:{port}"
    with processes.start_server(port) as server:
        try:
            server.wait_until(lambda: processes.answers(f"{site}{reverse('admin:login')}"))
            invite(site, password, scenes, seconds)
            wait_for_end((worker, server), seconds)
        except KeyboardInterrupt:
            console.line("\n  stopping")
        for process in (worker, server):
            expect.true(f"{process.log.name}: the process ended by itself", process.is_running())
        expect.equal("exit code of the server", server.stop(), 0)


def invite(site: str, password: str, scenes: Scenes, seconds: float | None) -> None:
    """Print where to look and how to log in."""
    task = reverse("celery-task_status", args=[scenes.stored[0].task_id])
    group = reverse("celery-group_status", args=[scenes.saved_group.id])
    for title, text in (
        ("admin", f"{site}{reverse('admin:app_list', args=['django_celery_results'])}"),
        ("login", f"{ADMIN_NAME} / {password}"),
        ("a task", f"{site}{task}"),
        ("a group", f"{site}{group}"),
        ("one more", f"{from_here(Path(sys.executable))} {from_here(settings.BASE_DIR / 'manage.py')} shell"),
        ("", ">>> from shop.tasks import price_of; price_of.delay('cup').get()"),
        ("to end", "Ctrl-C" if seconds is None else f"Ctrl-C, or wait for {seconds:g} seconds"),
    ):
        console.line(f"{title:10}{console.colour(text, 'cyan')}")


def wait_for_end(children: tuple[Process, ...], seconds: float | None) -> None:
    """Wait until the time is over or a child process ends; KeyboardInterrupt comes from outside."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while all(child.is_running() for child in children) and (deadline is None or time.monotonic() < deadline):
        time.sleep(0.2)


def conclude(scenes: Scenes, expect: Expectations, seconds: float) -> None:
    """Say whether everything was as expected, and what was not."""
    if not expect.differences:
        verdict = f"Everything is as expected: {len(scenes.stored)} tasks, 1 group, {expect.met} comparisons"
        console.heading(console.colour(f"{verdict}, {seconds:.1f} s.", "green"))
        return
    count = len(expect.differences)
    console.heading(console.colour(f"{count} of {count + expect.met} comparisons differ:", "red"))
    for difference in expect.differences:
        console.line(difference)


def in_project(path: Path) -> Path:
    """Return a path as seen from the project's folder."""
    return path.relative_to(settings.BASE_DIR)


def from_here(path: Path) -> Path:
    """Return a path as people would type it in the folder where they are."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
