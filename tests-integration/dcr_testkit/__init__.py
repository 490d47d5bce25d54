"""What the tests of all distributions share: servers, settings, a Celery app, workers."""
