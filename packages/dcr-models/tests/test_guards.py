"""A process that is put together wrongly stops with the one sentence that helps.

Each test starts a process: it is about what happens while Django comes up.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from dcr_models import guards

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def complaint(process: subprocess.CompletedProcess[str]) -> str:
    """Return what the process ended with, which has to be ImproperlyConfigured."""
    last = process.stderr.strip().splitlines()[-1]
    name, _, message = last.partition(": ")
    assert (process.returncode, name) == (1, "django.core.exceptions.ImproperlyConfigured"), process.stderr
    return message


class TestTheAppIsMissing:
    @pytest.mark.parametrize("module", ["dcr_models.models", "dcr_backends.database"])
    def test_says_which_apps_bring_it(self, run_python: Run, module: str) -> None:
        message = complaint(run_python("django.contrib.contenttypes", script=f"import {module}"))
        assert "no app with the label 'django_celery_results' is installed" in message
        assert "Add 'dcr_models' to INSTALLED_APPS, or 'django_celery_results'" in message
        assert "one of the two, not both" in message
        assert "manage.py migrate" in message

    @pytest.mark.parametrize("app", ["dcr_models", "dcr_models.apps.DcrModelsConfig"])
    def test_is_silent_where_it_is_there(self, run_python: Run, app: str) -> None:
        script = "from dcr_models.models import TaskResult; print(TaskResult._meta.app_config.verbose_name)"
        assert run_python(app, script=script).stdout == "Celery Results\n"

    def test_asks_for_setup_first(self) -> None:
        configure = "from django.conf import settings; settings.configure(INSTALLED_APPS=['dcr_models'])"
        script = f"{configure}; import dcr_models.models"
        process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert "AppRegistryNotReady: Apps aren't loaded yet." in process.stderr


class TestBothSpellings:
    @pytest.mark.parametrize(
        "apps",
        [
            ("dcr_models", "django_celery_results"),
            ("django_celery_results", "dcr_models"),
            ("dcr_models.apps.DcrModelsConfig", "django_celery_results.apps.CeleryResultConfig"),
        ],
    )
    def test_are_the_same_app_twice(self, run_python: Run, apps: tuple[str, str]) -> None:
        first, second = (name.partition(".")[0] for name in apps)
        assert complaint(run_python(*apps)) == (
            f"INSTALLED_APPS lists {first!r} and {second!r}: these are the same app twice, keep one."
        )

    def test_one_of_them_is_enough(self, run_python: Run) -> None:
        script = "from dcr_models.models import TaskResult; print(TaskResult._meta.app_config.name)"
        for app in guards.SPELLINGS:
            assert run_python(app, script=script).stdout == f"{app}\n"

    def test_one_of_them_twice_is_djangos_to_tell(self, run_python: Run) -> None:
        assert "Application labels aren't unique" in complaint(run_python("dcr_models", "dcr_models"))

    def test_settings_may_swap_them_in_a_test(self) -> None:
        """The registry is rebuilt then, with the first app still in it."""
        names = [config.name for config in apps.get_app_configs()]
        with override_settings(INSTALLED_APPS=names):
            assert apps.get_app_config(guards.APP_LABEL).name == "dcr_models"


@pytest.fixture
def published(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a folder in which some release of django-celery-results is installed."""

    def install(version: str) -> Path:
        info = tmp_path / "site-packages" / f"django_celery_results-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: django-celery-results\nVersion: {version}\n")
        return info.parent

    return install


class TestThePublishedRelease:
    @pytest.mark.parametrize("version", ["2.6.0", "1.2.1", "2.0rc1"])
    def test_cannot_be_installed_beside(self, run_python: Run, published: Callable[[str], Path], version: str) -> None:
        message = complaint(run_python("dcr_models", first_on_path=published(version)))
        assert f"django-celery-results {version} and dcr-models are installed side by side" in message
        assert "`pip uninstall django-celery-results`" in message
        assert "`pip install 'django-celery-results>=3'`" in message

    def test_is_what_a_worker_hears_of_first(self, run_python: Run, published: Callable[[str], Path]) -> None:
        """Where the app is not listed either, adding it would not help."""
        message = complaint(run_python(script="import dcr_models.models", first_on_path=published("2.6.0")))
        assert "are installed side by side" in message

    @pytest.mark.parametrize("version", ["3.0.0", "3.1rc1", "10.0"])
    def test_is_not_meant_by_a_later_one(self, run_python: Run, published: Callable[[str], Path], version: str) -> None:
        process = run_python("dcr_models", first_on_path=published(version))
        assert (process.returncode, process.stderr) == (0, "")

    def test_need_not_be_installed_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guards, "META_DISTRIBUTION", "no-such-distribution")
        guards.refuse_published_release()


def test_a_ready_registry_is_not_looked_at() -> None:
    guards.refuse_second_spelling("django_celery_results")
    guards.require_app()


def test_refusals_are_djangos_error_for_settings() -> None:
    with override_settings(INSTALLED_APPS=["django.contrib.contenttypes"]), pytest.raises(ImproperlyConfigured):
        guards.require_app()
