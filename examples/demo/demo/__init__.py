"""The project: settings, URLs and the Celery app, which is loaded with it so that ``shared_task`` finds it."""

from .celery import app as celery_app

__all__ = ["celery_app"]
