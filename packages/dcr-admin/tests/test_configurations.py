"""Projects of several makes, each in a process of its own: Django reads INSTALLED_APPS once."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROJECT = """
import sys
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="for tests only",
    INSTALLED_APPS={apps!r},
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
    TEMPLATES=[{{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {{"context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]}},
    }}],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
)
django.setup()
{code}
"""

ADMIN = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
]

#: Serve the admin and open its pages, which must show the row.
OPEN_PAGES = """
from django.contrib import admin
from django.contrib.auth.models import User
from django.core import checks
from django.core.management import call_command
from django.test import Client
from django.urls import path, reverse
from dcr_models.models import GroupResult, TaskResult

settings.ROOT_URLCONF = (path("admin/", admin.site.urls),)
settings.ALLOWED_HOSTS = ["testserver"]
assert checks.run_checks() == [], checks.run_checks()
call_command("migrate", verbosity=0)
client = Client()
client.force_login(User.objects.create_superuser("root"))
row = TaskResult.objects.create(task_id="found-me")
for address in (
    reverse("admin:django_celery_results_taskresult_changelist"),
    reverse("admin:django_celery_results_taskresult_change", args=[row.pk]),
):
    response = client.get(address)
    assert response.status_code == 200 and "found-me" in response.content.decode(), response
print(type(admin.site.get_model_admin(TaskResult)).__module__, type(admin.site.get_model_admin(GroupResult)).__name__)
"""


def run_project(apps: list[str], code: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a project that installs ``apps``."""
    script = PROJECT.format(apps=apps, code=textwrap.dedent(code))
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )


def output(apps: list[str], code: str) -> str:
    """Return what the project prints; it must end well and say nothing on stderr."""
    process = run_project(apps, code)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout.strip()


@pytest.mark.parametrize(
    "apps",
    [
        pytest.param([*ADMIN, "dcr_models", "dcr_admin"], id="after the admin"),
        pytest.param(["dcr_admin", "dcr_models", *ADMIN], id="before the admin"),
        pytest.param([*ADMIN, "django_celery_results"], id="2.x name"),
        pytest.param([*ADMIN, "django_celery_results", "dcr_admin"], id="2.x name and dcr_admin"),
    ],
)
def test_the_admin_finds_the_classes_once(apps: list[str]) -> None:
    assert output(apps, OPEN_PAGES) == "dcr_admin.admin GroupResultAdmin"


def test_without_dcr_admin_listed_an_import_registers_the_classes() -> None:
    code = """
        from django.contrib import admin
        from dcr_models.models import GroupResult, TaskResult
        assert not admin.site.is_registered(TaskResult) and not admin.site.is_registered(GroupResult)
        import dcr_admin.admin
    """
    assert output([*ADMIN, "dcr_models"], textwrap.dedent(code) + OPEN_PAGES) == "dcr_admin.admin GroupResultAdmin"


@pytest.mark.parametrize("apps", [["dcr_models"], ["dcr_models", "dcr_admin"]])
def test_a_project_without_the_admin_never_loads_it(apps: list[str]) -> None:
    code = """
        import dcr_models.models
        print([name for name in sys.modules if name.startswith(("django.contrib.admin", "dcr_admin.admin"))])
    """
    assert output(apps, code) == "[]"


@pytest.mark.parametrize("apps", [["dcr_admin"], [*ADMIN, "dcr_admin"], ["dcr_admin", *ADMIN]])
def test_dcr_admin_without_the_models_says_what_to_add(apps: list[str]) -> None:
    process = run_project(apps)
    assert process.returncode == 1
    message = process.stderr.strip().splitlines()[-1]
    assert message.startswith("django.core.exceptions.ImproperlyConfigured: The models of Celery results are used, but")
    assert "Add 'dcr_models' to INSTALLED_APPS" in message
