"""What a worker does when it is ready: say that tables are missing, and look after chords from then on."""

from __future__ import annotations

from typing import Any

from celery.utils.log import get_logger
from django.db import connections

from dcr_models import checks, conf

from .chord import ChordBackend

logger = get_logger(__name__)


def prepare_worker(sender: Any, **kwargs: Any) -> None:
    """Check the tables of the worker's backend, sweep chords, and go on doing so at the interval that is set.

    ``sender``: the worker's consumer. Sweeps run in its timer, so in one process per worker: a thread beside
    it could hold a lock while the pool forks.
    """
    backend: Any = sender.app.backend
    if not isinstance(backend, ChordBackend):
        return
    if report_missing_tables(backend):
        sweep_chords(backend)
    interval = conf.get("CHORD_SWEEP_INTERVAL")
    if interval > 0:
        sender.timer.call_repeatedly(interval, sweep_chords, (backend,))


def report_missing_tables(backend: Any) -> bool:
    """Log one line for each database that does not answer or lacks tables; return whether all is well."""
    well = True
    for alias in sorted(backend._aliases()):
        was_open = connections[alias].connection is not None
        try:
            missing = checks.missing_tables(alias)
        except Exception as exc:  # noqa: BLE001 - a worker starts without its database, too
            logger.critical("The database %r of the result backend 'django-db' does not answer: %s", alias, exc)
            well = False
            continue
        if missing:
            logger.critical(checks.missing_tables_problem(missing, alias))
            well = False
        if not was_open:
            connections[alias].close()
    return well


def sweep_chords(backend: Any) -> None:
    """Finish the chords that nobody finished; what goes wrong is logged, and tried again at the next interval."""
    opened = [alias for alias in backend._aliases() if connections[alias].connection is None]
    try:
        backend.repair_chords()
    except Exception:
        logger.exception("Chords could not be looked after")
    finally:
        for alias in opened:  # the worker's main process uses its connections once a minute
            connections[alias].close()
