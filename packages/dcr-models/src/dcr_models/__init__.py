"""Schema of django-celery-results: models, managers, queries, settings."""

__version__ = "3.0.0"
