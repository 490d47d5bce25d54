"""Contract: what a task raised is there again for the one who asks, as far as the serializer can."""

from __future__ import annotations

from threading import Lock
from typing import Any

import pytest
from celery import Celery, states
from celery.exceptions import Retry, SecurityError, TaskRevokedError
from celery.result import AsyncResult

from .backend import BackendContract


class CardDeclinedError(Exception):
    """An exception of the project's own."""


class Shop:
    """A place for a nested exception."""

    class ClosedError(CardDeclinedError):
        """An exception that is found by its qualified name only."""


class TwoArgumentsError(Exception):
    """An exception that cannot be made from its own ``args``, as many are."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} (code {code})")
        self.code = code


class ExceptionContract(BackendContract):
    """Exceptions of tasks, raised again."""

    def raised(self, app: Celery, task_id: str, error: BaseException) -> Any:
        """Return the exception that a waiting process gets for a task that raised ``error``."""
        app.backend.mark_as_failure(task_id, error, traceback="Traceback: …")
        result = AsyncResult(task_id, backend=self.another(app), app=app)
        assert result.state == states.FAILURE
        with pytest.raises(Exception) as raised:  # noqa: PT011 - the caller looks
            result.get(timeout=1)
        return raised.value

    @pytest.mark.parametrize(
        "error",
        [
            ValueError("bad value", 3),
            ValueError(),
            KeyError("missing"),
            OSError(2, "No such file"),
            ZeroDivisionError("division by zero"),
            CardDeclinedError("card", {"number": 42}, [1, None]),
            Shop.ClosedError("until tomorrow"),
            RuntimeError("päivää ☃ 🎉"),
            RuntimeError("it's 100% “quoted” \x00"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_same_class_and_arguments(self, app: Celery, task_id: str, error: Exception) -> None:
        again = self.raised(app, task_id, error)
        assert type(again) is type(error)
        assert again.args == error.args

    def test_arguments_that_do_not_make_the_exception_again(self, app: Celery, task_id: str) -> None:
        again = self.raised(app, task_id, TwoArgumentsError(42, "declined"))
        assert "declined (code 42)" in str(again)

    def test_arguments_that_no_serializer_takes(self, app: Celery, task_id: str) -> None:
        again = self.raised(app, task_id, ValueError("with a lock", Lock()))
        assert "with a lock" in str(again)
        assert "lock" in str(again).replace("with a lock", "")

    def test_class_that_cannot_be_imported(self, app: Celery, task_id: str) -> None:
        class LocalError(Exception):
            pass

        again = self.raised(app, task_id, LocalError("made here"))
        assert "LocalError" in repr(again) or "LocalError" in type(again).__name__
        assert "made here" in str(again)

    def test_cause_is_not_needed(self, app: Celery, task_id: str) -> None:
        try:
            try:
                raise KeyError("inner")
            except KeyError as exc:
                raise CardDeclinedError("outer") from exc
        except CardDeclinedError as exc:
            again = self.raised(app, task_id, exc)
        assert type(again) is CardDeclinedError
        assert again.args == ("outer",)

    def test_exception_of_a_retry(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_retry(task_id, CardDeclinedError("try later"), traceback="Traceback: …")
        result = AsyncResult(task_id, backend=self.another(app), app=app)
        assert result.state == states.RETRY
        assert type(result.result) is CardDeclinedError
        assert result.traceback == "Traceback: …"
        assert not result.ready()

    def test_retry_itself(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_retry(task_id, Retry("later", ValueError("no")))
        assert isinstance(self.stored(app, task_id)["result"], Retry)

    def test_revoked(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_revoked(task_id, "terminated")
        result = AsyncResult(task_id, backend=self.another(app), app=app)
        assert result.state == states.REVOKED
        assert result.ready()
        with pytest.raises(TaskRevokedError, match="terminated"):
            result.get(timeout=1)

    def test_retry_without_an_exception(self, app: Celery, backend: Any, task_id: str) -> None:
        backend.mark_as_retry(task_id, None)
        meta = self.stored(app, task_id)
        assert (meta["status"], meta["result"]) == (states.RETRY, None)

    def test_what_is_no_exception_is_not_called(self, app: Celery, backend: Any, task_id: str) -> None:
        planted = {"exc_type": "system", "exc_module": "os", "exc_message": "true"}
        backend.store_result(task_id, planted, states.FAILURE)
        with pytest.raises(SecurityError, match="system"):
            self.stored(app, task_id)
