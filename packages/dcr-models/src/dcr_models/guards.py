"""Misconfigurations that must stop a process before Django or Celery fail in a less helpful way.

System checks cannot speak for these: either the app that would register them is missing, or
Django gives up before it runs any.
"""

from __future__ import annotations

from importlib import metadata

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

APP_LABEL = "django_celery_results"

#: Both entries of INSTALLED_APPS that bring the tables; a project lists one.
SPELLINGS = ("dcr_models", "django_celery_results")

META_DISTRIBUTION = "django-celery-results"


def refuse_published_release() -> None:
    """Raise ImproperlyConfigured where a 2.x or older django-celery-results is installed beside dcr-models.

    Two distributions would own one import package and the entry points ``django-db`` and
    ``django-cache``; which of them answers depends on the order of folders on disk.
    """
    try:
        version = metadata.version(META_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return
    if int(version.partition(".")[0]) < 3:
        raise ImproperlyConfigured(
            f"{META_DISTRIBUTION} {version} and dcr-models are installed side by side; both own the tables and the "
            f"entry points 'django-db' and 'django-cache'. Run `pip uninstall {META_DISTRIBUTION}`, then, to keep "
            f"that import name, `pip install '{META_DISTRIBUTION}>=3'`."
        )


def refuse_second_spelling(app_name: str) -> None:
    """Raise ImproperlyConfigured where the app is being installed under both of its names."""
    other = apps.app_configs.get(APP_LABEL)
    # A registry that is ready is being rebuilt (override_settings), not filled for the first time.
    if other is not None and not apps.apps_ready and other.name != app_name:
        raise ImproperlyConfigured(
            f"INSTALLED_APPS lists {other.name!r} and {app_name!r}: these are the same app twice, keep one."
        )


def require_app() -> None:
    """Raise ImproperlyConfigured unless the app that owns the tables is in INSTALLED_APPS.

    Models with an explicit ``app_label`` do not trigger Django's own message, and a worker would fail
    late, with "no such table".
    """
    apps.check_apps_ready()
    refuse_published_release()
    if APP_LABEL not in apps.app_configs:
        raise ImproperlyConfigured(
            f"The models of Celery results are used, but no app with the label {APP_LABEL!r} is installed. "
            f"Add {SPELLINGS[0]!r} to INSTALLED_APPS, or {SPELLINGS[1]!r} where the distribution of that name is "
            f"installed (one of the two, not both), and run `manage.py migrate`."
        )
