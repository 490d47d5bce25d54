"""The floor's project: tables as our migrations make them, rows as our backend writes them."""

from __future__ import annotations

from typing import Any

from celery import states

from benchmarks.contestant.requests import STARTED, VALUE, new_id, request
from benchmarks.contestant.sites import DjangoSite

from .driver import TASKS, Driver


class FloorSite(DjangoSite):
    """Prepares with our backend, so that columns and indexes are the same; works with the driver alone."""

    is_floor = True
    driver: Driver

    def open(self, port: int | None = None) -> None:
        """Connect Django and the driver anew."""
        super().open(port)
        from django.db import connection

        self.driver = Driver(self.specification["vendor"], connection.settings_dict)
        self.driver.execute("SELECT 1").fetchall()

    def close(self) -> None:
        """Hang up with both."""
        if hasattr(self, "driver"):
            self.driver.close()
        super().close()

    def template(self, *, started: bool = False, **changed: Any) -> dict[str, Any]:
        """Return the columns that our backend writes for a task, as the driver reads them; nulls are left out.

        ``started``: of a task that has just started. ``changed``: what its request says.
        """
        task_id = new_id()
        state, value = (states.STARTED, STARTED) if started else (states.SUCCESS, VALUE)
        self.backend.store_result(task_id, value, state, request=request(task_id, **changed))
        statement = f"SELECT * FROM {TASKS} WHERE task_id = {self.driver.mark}"
        (row,) = self.driver.rows(statement, [task_id])
        return {name: value for name, value in row.items() if value is not None and name != "id"}
