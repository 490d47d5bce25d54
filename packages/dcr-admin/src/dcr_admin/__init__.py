"""Django admin for stored Celery results."""
