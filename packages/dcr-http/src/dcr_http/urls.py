"""The URLs of the endpoints; include them under a prefix of your own.

``task/done/ID/``, ``task/status/ID/``, ``group/done/ID/``, ``group/status/ID/``, and the deprecated forms
with the id in front unless ``DJANGO_CELERY_RESULTS_ID_FIRST_URLS`` is False.
"""

from __future__ import annotations

import sys
import warnings

from django.conf import settings
from django.urls import URLPattern, path, register_converter
from django.urls.converters import get_converters

from dcr_http import views

ID_FIRST_SETTING = "DJANGO_CELERY_RESULTS_ID_FIRST_URLS"

#: Packages that stand between ``include()`` in a project's urls.py and this module.
IMPORTERS = {"dcr_http", "django", "django_celery_results", "importlib"}


class TaskPatternConverter:
    """Convert ids of tasks and groups: any text of word characters, hyphens and dots, not only UUIDs."""

    regex = r"[\w\d\-\.]+"

    def to_python(self, value: str) -> str:
        """Return the id that stands in the URL."""
        return value

    def to_url(self, value: object) -> str:
        """Return the id as the URL holds it; a UUID object will do."""
        return str(value)


def warn_of_id_first_urls() -> None:
    """Warn the code that includes these URLs, whatever the number of frames in between."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in IMPORTERS:
        frame = frame.f_back
    warnings.warn_explicit(
        "ID first URLs (ID/done/) are deprecated and will be removed in django-celery-results 4.0: use the noun first "
        f"ones (task/done/ID/), which reverse() gives, and set {ID_FIRST_SETTING} = False.",
        DeprecationWarning,
        filename=frame.f_code.co_filename,
        lineno=frame.f_lineno,
        module=frame.f_globals.get("__name__"),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


# A project may have a converter of this name; Django 6 refuses a second one, and theirs may be meant to replace ours.
if "task_pattern" not in get_converters():
    register_converter(TaskPatternConverter, "task_pattern")

urlpatterns: list[URLPattern] = [
    path("task/done/<task_pattern:task_id>/", views.is_task_successful, name="celery-is_task_successful"),
    path("task/status/<task_pattern:task_id>/", views.task_status, name="celery-task_status"),
    path("group/done/<task_pattern:group_id>/", views.is_group_successful, name="celery-is_group_successful"),
    path("group/status/<task_pattern:group_id>/", views.group_status, name="celery-group_status"),
]

if getattr(settings, ID_FIRST_SETTING, True):
    warn_of_id_first_urls()
    # In front: no path matches both forms, and of several patterns with one name reverse() takes the last.
    urlpatterns = [
        path("<task_pattern:task_id>/done/", views.is_task_successful, name="celery-is_task_successful"),
        path("<task_pattern:task_id>/status/", views.task_status, name="celery-task_status"),
        path("<task_pattern:group_id>/group/done/", views.is_group_successful, name="celery-is_group_successful"),
        path("<task_pattern:group_id>/group/status/", views.group_status, name="celery-group_status"),
        *urlpatterns,
    ]
