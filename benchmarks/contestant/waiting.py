"""Waiting: how late ``get()`` returns after another process has stored the result."""

from __future__ import annotations

import statistics
import time

from celery import states

from .children import Child
from .registry import BACKEND, Figures, Work, scenario
from .requests import VALUE, new_id, request
from .sites import Site

#: Samples are spread over this share of the delay, half of it to each side: who polls may be lucky once.
SPREAD = 0.4
#: Multiples of it, without the whole part, are spread evenly however many there are.
GOLDEN_RATIO = 0.618034


@scenario(BACKEND, "wake")
def wake(site: Site, operations: int, delay_seconds: float) -> Work:
    """Wait for results that are stored about ``delay_seconds`` after the wait began."""
    writer = Child(site, _store_later)
    places = [(sample + 1) * GOLDEN_RATIO % 1 - 0.5 for sample in range(operations)]
    delays = [delay_seconds * (1 + SPREAD * place) for place in places]

    def run() -> Figures:
        late = []
        cpu = 0.0
        for delay in delays:
            task_id = new_id()
            result = site.app.AsyncResult(task_id)
            writer.send(task_id, delay)
            cpu -= time.process_time()
            assert result.get(timeout=30) == VALUE
            returned = time.monotonic()
            cpu += time.process_time()
            late.append(max(0.0, returned - writer.receive()))
        # Per operation, where the clocks measure all of them.
        return {"seconds": statistics.median(late) * operations, "cpu": cpu, "slowest_ms": max(late) * 1000}

    return Work(run)


def _store_later(site: Site, task_id: str, delay: float) -> float:
    """Store a result after ``delay`` seconds; return when that was done."""
    time.sleep(delay)
    site.backend.store_result(task_id, VALUE, states.SUCCESS, request=request(task_id))
    return time.monotonic()
