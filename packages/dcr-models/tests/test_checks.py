"""Every check speaks when it should, names the value and the remedy, and is documented."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.core.checks import CheckMessage, Tags, registry, run_checks
from django.db import connection
from django.db.models.signals import post_save

from dcr_models import checks, conf
from dcr_models.models import GroupResult, TaskResult
from dcr_testkit.userland.models import InheritedTaskResult

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "checks.md"


def found(check_id: str, **which: Any) -> list[CheckMessage]:
    """Run Django's checks; return the messages with that id, after looking at what all of ours have."""
    messages = [message for message in run_checks(**which) if str(message.id).startswith("dcr_models.")]
    for message in messages:
        assert message.hint == f"See docs/reference/checks.md#{message.id}."
    return [message for message in messages if message.id == f"dcr_models.{check_id}"]


def text(messages: list[CheckMessage]) -> str:
    (message,) = messages
    return str(message.msg)


class TestCacheBackend:
    """E001 and W001."""

    def caches(self, check_id: str) -> list[CheckMessage]:
        return found(check_id, tags=[Tags.caches])

    @pytest.mark.parametrize(
        "result_backend",
        ["django-cache", "django_celery_results.backends.cache:CacheBackend", "dcr_backends.cache.CacheBackend"],
    )
    def test_an_unknown_cache_is_an_error(self, celery_app: Celery, result_backend: str) -> None:
        celery_app.conf.update(result_backend=result_backend, cache_backend="nowhere")
        message = text(self.caches("E001"))
        assert "cache_backend (CELERY_CACHE_BACKEND) is 'nowhere', which Django's CACHES does not have" in message
        assert "Set it to one of 'default', 'second', 'redis', or add the entry." in message

    def test_the_backends_own_name_is_an_error_that_guesses(self, celery_app: Celery) -> None:
        celery_app.conf.update(result_backend="django-cache", cache_backend="django-cache")
        message = text(self.caches("E001"))
        assert "Did you mean result_backend (CELERY_RESULT_BACKEND) = 'django-cache'?" in message
        assert "'default', 'second', 'redis'" in message

    @pytest.mark.parametrize("result_backend", [None, "django-db", "redis://"])
    def test_the_backends_own_name_is_a_warning_elsewhere(self, celery_app: Celery, result_backend: Any) -> None:
        celery_app.conf.update(result_backend=result_backend, cache_backend="django-cache")
        assert "Did you mean result_backend" in text(self.caches("W001"))
        assert self.caches("E001") == []

    @pytest.mark.parametrize(
        ("result_backend", "cache_backend"),
        [
            ("django-cache", None),
            ("django-cache", ""),
            ("django-cache", "second"),
            ("django-db", "nowhere"),
            ("cache", "memcached://127.0.0.1/"),
            ("shop.backends.DjangoCacheBackend", "nowhere"),
        ],
    )
    def test_anything_else_is_fine(self, celery_app: Celery, result_backend: Any, cache_backend: Any) -> None:
        celery_app.conf.update(result_backend=result_backend, cache_backend=cache_backend)
        assert self.caches("E001") == self.caches("W001") == []


class TestOptions:
    """E002 and W002."""

    def options(self, check_id: str) -> list[CheckMessage]:
        return [message for message in checks.check_options(None) if message.id == f"dcr_models.{check_id}"]

    @pytest.mark.parametrize("value", [["ALLOW_EDITS"], True, "ALLOW_EDITS"])
    def test_no_dict_is_an_error(self, settings: Any, value: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = value
        assert text(self.options("E002")).endswith(f"must be a dict such as {{'ALLOW_EDITS': False}}, got {value!r}.")

    def test_a_value_of_the_wrong_type_is_an_error(self, settings: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": "no", "SUCCESS_IS_FINAL": True}
        assert text(self.options("E002")) == "DJANGO_CELERY_RESULTS['ALLOW_EDITS'] must be of type bool, got 'no'."

    def test_an_unknown_name_is_a_warning(self, settings: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDIT": True}
        message = text(self.options("W002"))
        assert message.startswith("DJANGO_CELERY_RESULTS has the key 'ALLOW_EDIT', which means nothing.")
        assert message.endswith(f"Known keys: {', '.join(conf.OPTIONS)}.")
        assert "SUCCESS_IS_FINAL" in message

    def test_every_wrong_value_is_an_error(self, settings: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = {"CHORD_SWEEP_INTERVAL": "60", "UNREADY_EXPIRES": None}
        assert [message.msg for message in self.options("E002")] == [
            "DJANGO_CELERY_RESULTS['CHORD_SWEEP_INTERVAL'] must be of type int or float, got '60'.",
            "DJANGO_CELERY_RESULTS['UNREADY_EXPIRES'] must be of type int or float, got None.",
        ]

    @pytest.mark.parametrize(
        "value",
        [
            None,
            {},
            {"ALLOW_EDITS": True, "SUCCESS_IS_FINAL": False},
            {"CHORD_SWEEP_INTERVAL": 0, "UNREADY_EXPIRES": 0.5},
        ],
    )
    def test_anything_else_is_fine(self, settings: Any, value: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = value
        assert checks.check_options(None) == []

    def test_django_runs_it(self, settings: Any, celery_app: Celery) -> None:
        settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDIT": True}
        assert checks.check_options in registry.registry.get_checks()


class TestSavedInstances:
    """I001."""

    @pytest.fixture
    def listener(self) -> Iterator[Callable[[Any], None]]:
        def listen(**kwargs: Any) -> None:
            """Listen, which is all that it takes."""

        senders = []

        def connect(sender: Any) -> None:
            senders.append(sender)
            post_save.connect(listen, sender=sender)

        yield connect
        for sender in senders:
            post_save.disconnect(listen, sender=sender)

    def saved(self) -> dict[Any, str]:
        return {message.obj: str(message.msg) for message in found("I001", tags=[Tags.models])}

    def test_names_a_model_with_parents(self) -> None:
        because = "because the model inherits from another table."
        assert self.saved() == {InheritedTaskResult: f"Every task result is loaded and saved as an instance, {because}"}

    def test_names_a_signal(self, listener: Callable[[Any], None]) -> None:
        listener(GroupResult)
        because = "because something listens to post_save."
        assert self.saved()[GroupResult] == f"Every group result is loaded and saved as an instance, {because}"
        assert TaskResult not in self.saved()

    def test_names_all_models_where_all_are_listened_to(self, listener: Callable[[Any], None]) -> None:
        listener(None)
        assert {TaskResult, GroupResult, InheritedTaskResult} <= set(self.saved())


class WriteToScratch:
    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "scratch"


class TestTables:
    """W003."""

    def missing(self, *databases: str) -> list[CheckMessage]:
        return found("W003", tags=[Tags.database], databases=databases)

    @pytest.mark.django_db(databases=["default", "other"])
    def test_all_are_there(self) -> None:
        assert self.missing("default", "other") == []

    def test_missing_ones_are_named(self, scratch: str, settings: Any) -> None:
        settings.DATABASE_ROUTERS = [WriteToScratch()]
        assert text(self.missing("default", scratch)) == (
            "The result backend 'django-db' finds no table django_celery_results_chordcounter, "
            "django_celery_results_groupresult, django_celery_results_taskresult in the database 'scratch': "
            "run `manage.py migrate django_celery_results --database scratch`."
        )

    def test_the_default_database_needs_no_option(self) -> None:
        assert checks.missing_tables_problem(["a", "b"], "default").endswith(
            "finds no table a, b in the database 'default': run `manage.py migrate django_celery_results`."
        )

    def test_a_database_that_results_are_not_written_to_is_not_asked(self, scratch: str) -> None:
        assert self.missing(scratch) == []

    def test_a_database_that_was_not_asked_for_is_left_alone(self, scratch: str, settings: Any) -> None:
        settings.DATABASE_ROUTERS = [WriteToScratch()]
        assert self.missing("default") == []
        assert checks.check_tables(databases=None) == []


@pytest.mark.django_db
class TestIsolation:
    """W004."""

    def repeatable(self) -> list[CheckMessage]:
        return found("W004", tags=[Tags.database], databases=["default"])

    def test_djangos_default_is_fine(self) -> None:
        assert self.repeatable() == []

    @pytest.mark.skipif(connection.vendor != "mysql", reason="concerns MySQL and MariaDB")
    def test_repeatable_read_is_a_warning(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            try:
                message = text(self.repeatable())
            finally:
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        assert message.startswith("Database 'default': Polling results within one transaction at isolation level")
        assert "Set 'isolation_level': 'read committed' in the OPTIONS" in message


class TestTheDocumentation:
    source = Path(checks.__file__).read_text()
    page = PAGE.read_text()

    def test_has_a_section_and_an_anchor_for_every_id(self) -> None:
        ids = sorted(set(re.findall(r'id="(dcr_models\.[EWI]\d{3})"', self.source)))
        assert ids == [f"dcr_models.{name}" for name in ("E001", "E002", "I001", "W001", "W002", "W003", "W004")]
        assert sorted(re.findall(r"^## (\S+)$", self.page, re.MULTILINE)) == ids
        assert sorted(re.findall(r'^<a id="(\S+)"></a>$', self.page, re.MULTILINE)) == ids

    def test_explains_every_reason_for_saving_instances(self) -> None:
        for reason in ("something listens to pre_save", "the model inherits from another table", "overrides save()"):
            assert reason in self.page
