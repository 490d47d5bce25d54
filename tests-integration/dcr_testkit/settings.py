"""Settings for the tests; ``DCR_TEST_DATABASE`` names the database they run on (sqlite, postgresql, mariadb)."""

from __future__ import annotations

import os

from dcr_testkit import services

VENDOR = os.environ.get("DCR_TEST_DATABASE", "sqlite")

#: A second alias beside the default one: every write must go where routers and ``using`` say.
DATABASES = {
    "default": services.database(VENDOR, "dcr_tests", TEST={"NAME": "test_dcr"} if VENDOR != "sqlite" else {}),
    "other": services.database(VENDOR, "dcr_other", TEST={"NAME": "test_dcr_other"} if VENDOR != "sqlite" else {}),
}

SECRET_KEY = "for tests only"
USE_TZ = True
# Without the server's time zone tables MySQL and MariaDB cannot convert times, which date_hierarchy asks of them.
TIME_ZONE = "UTC" if VENDOR == "mariadb" else "Europe/Madrid"
ROOT_URLCONF = "dcr_testkit.urls"
DJANGO_CELERY_RESULTS_ID_FIRST_URLS = False  # they warn, and warnings are errors
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "dcr_models",
    "dcr_admin",
    "dcr_testkit.userland",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
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
    "redis": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"{services.REDIS_URL}/5",
        "KEY_PREFIX": "dcr-tests",
    },
}
