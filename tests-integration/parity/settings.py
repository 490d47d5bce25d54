"""Settings of a project that uses the 2.6 names; it runs unchanged in both environments.

``DCR_PARITY_PROFILE`` picks the project's own settings: ``defaults``, or ``changed``, where each setting of
the package has another value than its default. ``DCR_TEST_DATABASE`` names the database, as in all tests.
"""

from __future__ import annotations

import os

from dcr_testkit import services

VENDOR = os.environ.get("DCR_TEST_DATABASE", "sqlite")
SIDE = os.environ.get("DCR_PARITY_SIDE", "here")
PROFILE = os.environ.get("DCR_PARITY_PROFILE", "defaults")

DATABASES = {
    alias: services.database(
        VENDOR, f"dcr_parity_{alias}", TEST={"NAME": f"test_parity_{SIDE}_{alias}"} if VENDOR != "sqlite" else {}
    )
    for alias in ("default", "other")
}

SECRET_KEY = "for tests only"
USE_TZ = True
TIME_ZONE = "Europe/Madrid" if VENDOR != "mariadb" else "UTC"  # which works without time zone tables, too
ROOT_URLCONF = "parity.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django_celery_results",
    "parity.shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "default"},
    "second": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "second"},
}

if PROFILE == "changed":
    USE_TZ = False
    DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": True, "SUCCESS_IS_FINAL": False}
    DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH = 191
    DJANGO_CELERY_RESULTS_ID_FIRST_URLS = False
