"""The Django app of the admin: it has no models; listing it lets the admin find its own module."""

from __future__ import annotations

from django.apps import AppConfig

from dcr_models import guards


class DcrAdminConfig(AppConfig):
    """The admin's pages; their translations are with the models."""

    name = "dcr_admin"
    label = "dcr_admin"

    def ready(self) -> None:
        """Raise ImproperlyConfigured where the app with the models is not installed."""
        # The models raise the same when the admin imports them, which a project without an admin never does.
        guards.require_app()
