"""The Django app under its 2.x name."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from django.apps import AppConfig

import dcr_models
from dcr_models.apps import DcrModelsConfig

MODELS_FOLDER = Path(dcr_models.__file__).parent


def config() -> AppConfig:
    """Return what Django makes of the entry in INSTALLED_APPS."""
    return AppConfig.create("django_celery_results")


def test_django_finds_exactly_one_config() -> None:
    module = import_module("django_celery_results.apps")
    candidates = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, AppConfig) and value is not AppConfig
    ]
    assert candidates == [module.CeleryResultConfig]
    assert type(config()) is module.CeleryResultConfig
    assert isinstance(config(), DcrModelsConfig)


def test_the_config_is_that_of_2_6() -> None:
    found = config()
    assert (found.name, found.label) == ("django_celery_results", "django_celery_results")
    assert found.default_auto_field == "django.db.models.AutoField"
    assert str(found.verbose_name) == "Celery Results"


def test_translations_and_commands_are_those_of_dcr_models() -> None:
    # Django looks for `locale` and `management` below this folder.
    assert Path(config().path) == MODELS_FOLDER


def test_migrations_are_found_in_one_place() -> None:
    facade = import_module("django_celery_results.migrations")
    real = import_module("dcr_models.migrations")
    assert facade is not real
    assert facade.__path__ == list(real.__path__)
    assert len(facade.__path__) == 1
    assert Path(facade.__path__[0]) == MODELS_FOLDER / "migrations"


def test_migrations_are_those_of_dcr_models() -> None:
    names = [module.name for module in pkgutil.iter_modules(import_module("django_celery_results.migrations").__path__)]
    assert names == [module.name for module in pkgutil.iter_modules([str(MODELS_FOLDER / "migrations")])]
    assert "0014_alter_taskresult_status" in names


def test_the_package_imports_without_settings() -> None:
    """As packaging tools and ``-m`` do, and Celery before a project's settings are there."""
    code = "import django_celery_results, sys; assert 'django' not in sys.modules; print(django_celery_results.VERSION)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("version_info_t(major=")
