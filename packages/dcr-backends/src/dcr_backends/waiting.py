"""How a caller waits for results: polls that begin at once and grow rarer."""

from __future__ import annotations

import time
from collections.abc import Iterator

from celery.exceptions import TimeoutError as CeleryTimeoutError

#: Seconds before the second look.
FIRST_NAP = 0.005

#: The next nap, as a part of the time waited so far: how late a result may be noticed.
GROWTH = 0.2

#: Seconds between two looks where the caller does not say, as in Celery.
INTERVAL = 0.5


def naps(*, interval: float | None, timeout: float | None) -> Iterator[None]:
    """Sleep between one step of the iteration and the next, and raise TimeoutError when the time is up.

    ``interval``: longest nap in seconds. ``timeout``: seconds in all; None waits for ever. No nap goes past
    the deadline, so ``timeout=0`` raises at the first step.
    """
    longest = INTERVAL if interval is None else interval
    start = time.monotonic()
    while True:
        waited = time.monotonic() - start
        nap = min(longest, max(FIRST_NAP, waited * GROWTH))
        if timeout is not None:
            if waited >= timeout:
                raise CeleryTimeoutError(f"The operation timed out after {timeout} seconds.")
            nap = min(nap, timeout - waited)
        time.sleep(nap)
        yield
