"""The Django app under the name that 2.x projects have in INSTALLED_APPS."""

from pathlib import Path

# Through the module: a base AppConfig class in this namespace would be a second candidate, and Django
# would then take a plain AppConfig without a word.
from dcr_models import apps as _apps

__all__ = ["CeleryResultConfig"]


class CeleryResultConfig(_apps.DcrModelsConfig):
    """The app of dcr_models as ``django_celery_results``; translations and commands are found in dcr_models."""

    name = "django_celery_results"
    path = str(Path(_apps.__file__).parent)
