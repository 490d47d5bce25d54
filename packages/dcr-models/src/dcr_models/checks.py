"""System checks: one function each, with an id that is never used again for something else.

Celery's workers run the checks and drop what they say, so what stops a worker from working is raised by
the backends as well; both say it with the same words, which stand here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from . import conf
from .guards import APP_LABEL
from .managers import RoutedManager
from .queries import isolation
from .queries.plan import plan_for
from .queries.upsert import save_reason

DOCS = "See docs/reference/checks.md#{id}."

#: Names under which the project's two backends appear in Celery's ``result_backend``.
CACHE_BACKENDS = ("django-cache", "django_celery_results.backends", "dcr_backends.cache")


def cache_problem(alias: str | None) -> str | None:
    """Return why Celery's ``cache_backend`` names no Django cache, or None where it names one."""
    if not alias or alias in settings.CACHES:
        return None
    known = ", ".join(repr(name) for name in settings.CACHES)
    if alias == "django-cache":
        return (
            "Celery's cache_backend (CELERY_CACHE_BACKEND) is 'django-cache', which is the name of a result backend. "
            "Did you mean result_backend (CELERY_RESULT_BACKEND) = 'django-cache'? cache_backend names an entry "
            f"of Django's CACHES: {known}."
        )
    return (
        f"Celery's cache_backend (CELERY_CACHE_BACKEND) is {alias!r}, which Django's CACHES does not have. "
        f"Set it to one of {known}, or add the entry."
    )


def missing_tables(using: str) -> list[str]:
    """Return the tables of this app that the database ``using`` does not have; one statement."""
    wanted = {
        model._meta.db_table
        for model in apps.get_app_config(APP_LABEL).get_models()
        if model._meta.can_migrate(connections[using])
    }
    connection = connections[using]
    with connection.cursor() as cursor:
        return sorted(wanted.difference(connection.introspection.table_names(cursor)))


def missing_tables_problem(tables: Iterable[str], using: str) -> str:
    """Return the one line that says which tables are missing and what to run."""
    option = "" if using == "default" else f" --database {using}"
    return (
        f"The result backend 'django-db' finds no table {', '.join(tables)} in the database {using!r}: "
        f"run `manage.py migrate {APP_LABEL}{option}`."
    )


def uses_cache_backend(result_backend: Any) -> bool:
    """Return whether Celery's ``result_backend`` is this project's cache backend."""
    name = str(result_backend or "")
    return name == "django-cache" or (name.startswith(CACHE_BACKENDS) and name.endswith("CacheBackend"))


@checks.register(checks.Tags.caches)
def check_cache_backend(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """E001 where ``django-cache`` would fail at its first use, W001 where the setting does nothing."""
    problem = cache_problem(current_app.conf.cache_backend)
    if problem is None:
        return []
    if uses_cache_backend(current_app.conf.result_backend):
        return [checks.Error(problem, hint=DOCS.format(id="dcr_models.E001"), id="dcr_models.E001")]
    if current_app.conf.cache_backend == "django-cache":
        return [checks.Warning(problem, hint=DOCS.format(id="dcr_models.W001"), id="dcr_models.W001")]
    return []  # a URL for Celery's own cache backend


@checks.register
def check_options(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """E002 where an option has a value of the wrong type, W002 where its name is not known."""
    hint = DOCS.format(id="dcr_models.E002")
    try:
        options = conf.options()
    except ImproperlyConfigured as exc:
        return [checks.Error(str(exc), hint=hint, id="dcr_models.E002")]
    messages: list[CheckMessage] = []
    for name, value in options.items():
        if name not in conf.OPTIONS:
            known = ", ".join(conf.OPTIONS)
            messages.append(
                checks.Warning(
                    f"{conf.OPTIONS_SETTING} has the key {name!r}, which means nothing. Known keys: {known}.",
                    hint=DOCS.format(id="dcr_models.W002"),
                    id="dcr_models.W002",
                )
            )
        elif problem := conf.OPTIONS[name].problem(value):
            messages.append(checks.Error(problem, hint=hint, id="dcr_models.E002"))
    return messages


@checks.register(checks.Tags.models)
def check_saved_instances(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """I001 where something makes each stored result cost four statements instead of one."""
    messages = []
    for model in apps.get_models():  # those that projects derived from ours, too
        if isinstance(model._default_manager, RoutedManager) and (reason := save_reason(plan_for(model))):
            messages.append(
                checks.Info(
                    f"Every {model._meta.verbose_name} is loaded and saved as an instance, because {reason}.",
                    hint=DOCS.format(id="dcr_models.I001"),
                    obj=model,
                    id="dcr_models.I001",
                )
            )
    return messages


@checks.register(checks.Tags.database)
def check_tables(databases: Sequence[str] | None = None, **kwargs: Any) -> Sequence[CheckMessage]:
    """W003 where migrations of this app were not applied; asks each database that results are written to."""
    messages = []
    for using in _written_aliases(databases):
        if tables := missing_tables(using):
            messages.append(
                checks.Warning(
                    missing_tables_problem(tables, using),
                    hint=DOCS.format(id="dcr_models.W003"),
                    id="dcr_models.W003",
                )
            )
    return messages


@checks.register(checks.Tags.database)
def check_isolation(databases: Sequence[str] | None = None, **kwargs: Any) -> Sequence[CheckMessage]:
    """W004 where MySQL or MariaDB would answer polls within a transaction from one snapshot."""
    return [
        checks.Warning(
            f"Database {using!r}: {isolation.W_REPEATABLE_READ}",
            hint=DOCS.format(id="dcr_models.W004"),
            id="dcr_models.W004",
        )
        for using in _written_aliases(databases)
        if isolation.is_repeatable_read(connections[using])
    ]


def _written_aliases(databases: Sequence[str] | None) -> list[str]:
    """Return those of ``databases`` that the routers send this app's rows to."""
    models = apps.get_app_config(APP_LABEL).get_models()
    written = {router.db_for_write(model) for model in models}
    return [using for using in databases or () if using in written]
