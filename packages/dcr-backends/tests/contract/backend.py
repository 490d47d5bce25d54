"""How a backend under contract is made, and what may differ between backends by design."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from celery import Celery


class BackendContract:
    """Base of the contracts; the attributes are the differences that a backend may have."""

    #: Celery's setting of that name.
    result_backend: ClassVar[str]
    #: More of Celery's configuration.
    conf: ClassVar[dict[str, Any]] = {}

    #: A value comes back with its Python types; without this, with those that JSON has.
    keeps_types: ClassVar[bool] = False
    #: A value that cannot be encoded is Celery's EncodeError; without this, any error, which the tracer warns of.
    raises_encode_error: ClassVar[bool] = True
    #: The meta of a task names its group and parent task.
    keeps_group_and_parent: ClassVar[bool] = True
    #: A chord's error names the part that failed; without this, only where Celery has its result in a cache.
    names_culprits: ClassVar[bool] = False
    #: The backend counts the parts of a chord; without this, a task of Celery's own polls them.
    counts_parts: ClassVar[bool] = True

    @pytest.fixture
    def app(self, app: Celery) -> Celery:
        """Return the current app, with the backend under contract."""
        app.conf.update(result_backend=self.result_backend, **self.conf)
        return app

    @pytest.fixture
    def backend(self, app: Celery) -> Any:
        """Return the app's backend, before anything was read through it."""
        return app.backend

    def stored(self, app: Celery, task_id: str) -> Any:
        """Return the meta of a task as a process reads it that did not write it."""
        return self.another(app).get_task_meta(task_id)

    def another(self, app: Celery) -> Any:
        """Return another instance of the app's backend: what the first one has cached does not help it."""
        return app._get_backend()

    def jsonized(self, value: Any) -> Any:
        """Return what is left of ``value`` where only JSON's types are kept."""
        if self.keeps_types or not isinstance(value, list | tuple):
            return value
        return [self.jsonized(item) for item in value]
