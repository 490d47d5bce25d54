"""The tasks: one for each way in which a task can end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from celery import Task, chord, group, shared_task
from celery.exceptions import Ignore, SoftTimeLimitExceeded

from .errors import OutOfStockError, SupplierBusyError

#: Seconds after which a task stops waiting for its file, so that nothing waits for ever.
PATIENCE = 30


@shared_task
def add(x: int, y: int) -> int:
    """Return the sum."""
    return x + y


@shared_task
def total(numbers: list[int]) -> int:
    """Return the sum of a list."""
    return sum(numbers)


@shared_task
def echo(*args: Any, **kwargs: Any) -> list[Any]:
    """Return the arguments."""
    return [list(args), kwargs]


@shared_task
def fail(message: str, password: str = "") -> None:
    """Raise an exception of Python's own."""
    raise ValueError(message)


@shared_task
def order(article: str, left: int) -> None:
    """Raise an exception of the project's own."""
    raise OutOfStockError(article, left)


@shared_task(bind=True, max_retries=2)
def restock(self: Task, answers_at: int, delay: float = 0.1, password: str = "") -> dict[str, int]:
    """Try again, after ``delay`` seconds, until attempt number ``answers_at``."""
    if self.request.retries < answers_at:
        raise self.retry(exc=SupplierBusyError(f"attempt {self.request.retries}"), countdown=delay)
    return {"attempts": self.request.retries + 1}


@shared_task
def wait(path: str) -> str:
    """Return when the file is there."""
    _wait(path)
    return "waited"


@shared_task(bind=True)
def report(self: Task, path: str) -> str:
    """Report a state of its own, and return when the file is there."""
    self.update_state(state="PACKING", meta={"packed": 3, "of": 7})
    _wait(path)
    return "packed"


@shared_task
def tidy_up(path: str) -> str:
    """Wait for the file and notice the soft time limit."""
    try:
        _wait(path)
    except SoftTimeLimitExceeded:
        return "tidied up"
    return "in time"


@shared_task(ignore_result=True)
def touch(path: str) -> str:
    """Make the file; nobody wants the result."""
    Path(path).touch()
    return "touched"


@shared_task(ignore_result=True, store_errors_even_if_ignored=True)
def fail_unasked(message: str) -> None:
    """Fail; nobody wants the result, but the error."""
    raise ValueError(message)


@shared_task(bind=True)
def skip(self: Task) -> None:
    """Store a state of its own and leave it at that."""
    self.update_state(state="SKIPPED", meta={"why": "holiday"})
    raise Ignore


@shared_task
def make_object() -> object:
    """Return what no serializer takes."""
    return object()


@shared_task
def make_lock() -> Any:
    """Return what even pickle does not take."""
    return threading.Lock()


@shared_task
def crash() -> None:
    """Kill the process that runs this."""
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def process_id() -> int:
    """Return the id of the process that runs this."""
    return os.getpid()


@shared_task
def loaded_modules() -> list[str]:
    """Return the names of the modules that the process has imported."""
    return sorted(sys.modules)


@shared_task(bind=True)
def annotate(self: Task, customer: int) -> str:
    """Put something into the meta of the result."""
    self.request.meta = {"customer": customer}
    return "annotated"


@shared_task
def delegate() -> str:
    """Start another task, which becomes a child of this one."""
    return add.delay(2, 3).id


@shared_task(bind=True)
def split(self: Task, numbers: list[int]) -> None:
    """Replace itself by a chord."""
    raise self.replace(chord([add.si(number, number) for number in numbers], total.s()))


@shared_task(bind=True)
def fan_out(self: Task, numbers: list[int]) -> None:
    """Replace itself by a group."""
    raise self.replace(group(add.si(number, number) for number in numbers))


@shared_task
def count_run(numbers: list[int], path: str) -> int:
    """Leave a line in the file for every run, and return the sum."""
    with Path(path).open("a") as file:
        file.write(f"{len(numbers)}\n")
    return sum(numbers)


@shared_task
def close_day(path: str) -> str:
    """Leave a line in the file for every run; takes no results of others."""
    with Path(path).open("a") as file:
        file.write("closed\n")
    return "closed"


@shared_task
def complain(request: Any, exc: BaseException, traceback: Any, path: str) -> None:
    """Note in the file what failed, as an errback."""
    with Path(path).open("a") as file:
        file.write(f"{request.id} {type(exc).__name__}: {exc}\n")


@shared_task
def pulse() -> str:
    """Be sent by beat."""
    return "beat"


def _wait(path: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not Path(path).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} did not appear within {PATIENCE} seconds")
        time.sleep(0.02)
