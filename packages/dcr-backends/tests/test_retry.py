"""Operations are tried again by default; what the project configured wins, however it spells it."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery
from django.db import DataError, IntegrityError, OperationalError

from dcr_backends.database import DatabaseBackend

Policy = tuple[bool, float]

DEFAULT: Policy = (True, 3)


def policy(app: Celery) -> Policy:
    backend = DatabaseBackend(app=app)
    return backend.always_retry, backend.max_retries


@pytest.fixture
def bare_app() -> Any:
    """Return an app that nobody has configured."""
    app = Celery("bare", set_as_current=False, broker="memory://")
    yield app
    app.close()


class TestPolicy:
    def test_default(self, bare_app: Celery) -> None:
        assert policy(bare_app) == DEFAULT

    @pytest.mark.parametrize(
        ("conf", "expected"),
        [
            ({"result_backend_always_retry": False}, (False, 3)),
            ({"result_backend_always_retry": True}, DEFAULT),
            ({"result_backend_max_retries": 7}, (True, 7)),
            ({"result_backend_max_retries": 0}, (True, 0)),
            ({"result_backend_always_retry": False, "result_backend_max_retries": 7}, (False, 7)),
            ({"result_backend_always_retry": None}, DEFAULT),
        ],
    )
    def test_plain_keys(self, bare_app: Celery, conf: dict[str, Any], expected: Policy) -> None:
        bare_app.conf.update(conf)
        assert policy(bare_app) == expected

    @pytest.mark.parametrize("namespace", ["CELERY", "CELERY_APP", "jobs"])
    def test_keys_with_a_namespace(self, bare_app: Celery, namespace: str) -> None:
        """As Django projects have it: ``config_from_object("django.conf:settings", namespace="CELERY")``."""
        keys = ("result_backend", "result_backend_always_retry", "result_backend_max_retries")
        names = [f"{namespace}_{key.upper() if namespace.isupper() else key}" for key in keys]
        conf = dict(zip(names, ("django-db", False, 5), strict=True))
        bare_app.config_from_object(conf, namespace=namespace)
        assert policy(bare_app) == (False, 5)

    def test_namespace_with_other_keys(self, bare_app: Celery) -> None:
        bare_app.config_from_object({"CELERY_RESULT_BACKEND": "django-db"}, namespace="CELERY")
        assert policy(bare_app) == DEFAULT

    def test_keys_of_another_namespace_do_not_count(self, bare_app: Celery) -> None:
        conf = {"CELERY_RESULT_BACKEND": "django-db", "OTHER_RESULT_BACKEND_ALWAYS_RETRY": False}
        bare_app.config_from_object(conf, namespace="CELERY")
        assert policy(bare_app) == DEFAULT

    def test_plain_object(self, bare_app: Celery) -> None:
        bare_app.config_from_object({"result_backend": "django-db", "result_backend_always_retry": False})
        assert policy(bare_app) == (False, 3)

    def test_old_style_keys(self, bare_app: Celery) -> None:
        conf = {
            "CELERY_RESULT_BACKEND": "django-db",
            "CELERY_RESULT_BACKEND_ALWAYS_RETRY": False,
            "CELERY_RESULT_BACKEND_MAX_RETRIES": 5,
        }
        bare_app.config_from_object(conf)
        assert policy(bare_app) == (False, 5)

    def test_old_style_without_these_keys(self, bare_app: Celery) -> None:
        bare_app.config_from_object({"CELERY_RESULT_BACKEND": "django-db", "CELERY_TASK_SERIALIZER": "json"})
        assert policy(bare_app) == DEFAULT

    def test_settings_of_django(self, bare_app: Celery, settings: Any) -> None:
        settings.CELERY_RESULT_BACKEND_ALWAYS_RETRY = False
        bare_app.config_from_object("django.conf:settings", namespace="CELERY")
        assert policy(bare_app) == (False, 3)

    def test_waits_as_celery_does(self, bare_app: Celery) -> None:
        bare_app.conf.result_backend_base_sleep_between_retries_ms = 5
        bare_app.conf.result_backend_max_sleep_between_retries_ms = 50
        backend = DatabaseBackend(app=bare_app)
        assert (backend.base_sleep_between_retries_ms, backend.max_sleep_between_retries_ms) == (5, 50)


class TestWhatIsNotRetried:
    @pytest.mark.parametrize(
        "error",
        [
            TypeError("store_result() got an unexpected keyword argument"),
            ValueError("too long"),
            KeyError("column"),
            RuntimeError(),
            ConnectionError("of the broker"),
            DataError("value too long"),
            IntegrityError("duplicate"),
            OperationalError("no driver said this"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_is_not_safe(self, bare_app: Celery, error: Exception) -> None:
        assert DatabaseBackend(app=bare_app).exception_safe_to_retry(error) is False

    def test_surfaces_at_once(self, app: Celery, db: None, task_id: str) -> None:
        """A mistake in a hook of the project must not look like a database that is away."""
        attempts = []

        class Mistaken(DatabaseBackend):
            def _get_extended_properties(self, request: Any, traceback: Any) -> Any:
                attempts.append(1)
                raise TypeError("of the project")

        with pytest.raises(TypeError, match="of the project"):
            Mistaken(app=app).mark_as_done(task_id, 1)
        assert attempts == [1]
