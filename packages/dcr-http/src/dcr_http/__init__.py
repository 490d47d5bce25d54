"""JSON endpoints for the state and result of Celery tasks and groups."""
