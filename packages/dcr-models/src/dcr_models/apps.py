"""The Django app that owns the tables."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from . import guards


class DcrModelsConfig(AppConfig):
    """Models, migrations, system checks and translations, under the label that 2.x projects have."""

    name = "dcr_models"
    label = "django_celery_results"
    verbose_name: Any = _("Celery Results")
    default_auto_field = "django.db.models.AutoField"

    def __init__(self, app_name: str, app_module: ModuleType | None) -> None:
        guards.refuse_published_release()
        guards.refuse_second_spelling(app_name)
        super().__init__(app_name, app_module)

    def ready(self) -> None:
        """Register the system checks."""
        from . import checks  # noqa: F401 - Django wants checks registered here, when settings are there
