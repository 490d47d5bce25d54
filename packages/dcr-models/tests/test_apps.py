"""The app has the label that 2.x projects have in their migrations, and everything hangs on it."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps
from django.core.checks import registry
from django.db.migrations.loader import MigrationLoader

import dcr_models
from dcr_models import checks, guards
from dcr_models.apps import DcrModelsConfig


def test_the_config_has_the_labels_of_2_6() -> None:
    config = apps.get_app_config(guards.APP_LABEL)
    assert type(config) is DcrModelsConfig
    assert (config.name, str(config.verbose_name)) == ("dcr_models", "Celery Results")
    assert config.default_auto_field == "django.db.models.AutoField"


def test_ready_registers_every_check() -> None:
    ours = [check for name, check in vars(checks).items() if name.startswith("check_")]
    assert len(ours) == 5
    assert set(ours) <= set(registry.registry.get_checks())


def test_migrations_are_found_under_the_label() -> None:
    assert MigrationLoader.migrations_module(guards.APP_LABEL)[0] == "dcr_models.migrations"


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(dcr_models.__file__).parent / "py.typed").is_file()
