"""The Django app of the project."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Loads the Celery app in every process of the project, so that results can be read everywhere."""

    name = "shop"

    def ready(self) -> None:
        """Import the Celery app, which makes it the current one."""
        from . import celery  # noqa: F401
