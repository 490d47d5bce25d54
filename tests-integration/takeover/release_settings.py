"""Django settings of the smallest project that can run a release, a published one or this one.

The environment chooses the database (``TAKEOVER_DATABASE``), how INSTALLED_APPS names the app
(``TAKEOVER_APP``) and further settings (``TAKEOVER_SETTINGS``). Runs under Python 3.8 to 3.13.
"""

import json
import os
from importlib import import_module
from importlib.util import find_spec

DATABASES = {"default": json.loads(os.environ["TAKEOVER_DATABASE"])}

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    os.environ.get("TAKEOVER_APP", "django_celery_results"),
]

SECRET_KEY = "nothing is signed here"
USE_TZ = True
TIME_ZONE = "UTC"

# What a project of that time had, whichever release of Django makes the dump.
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

if DATABASES["default"]["ENGINE"].endswith(".mysql") and find_spec("MySQLdb") is None:
    # PyMySQL needs no C compiler; the rows it writes are the same.
    import_module("pymysql").install_as_MySQLdb()

globals().update(json.loads(os.environ.get("TAKEOVER_SETTINGS", "{}")))
