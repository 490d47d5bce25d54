"""Settings; the environment variable ``SHOP_SETTINGS`` adds and overrides some, as a JSON object."""

from __future__ import annotations

import json
import os

SECRET_KEY = "for tests only"
USE_TZ = True
TIME_ZONE = "America/Lima"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}}
INSTALLED_APPS = ["dcr_models", "shop"]

CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_TASK_TRACK_STARTED = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_LOST_WAIT = 0.5  # seconds; by default a killed process is mourned for 10

globals().update(json.loads(os.environ.get("SHOP_SETTINGS", "{}")))
