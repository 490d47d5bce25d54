"""Import every module of the package that the first argument names, without a warning.

The other arguments are the packages of ours that come with it; more than these must not be there.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

import django
from django.conf import settings

OURS = {"dcr_models", "dcr_backends", "dcr_admin", "dcr_http", "django_celery_results"}

name, *needed = sys.argv[1:]
assert {one for one in OURS if find_spec(one)} == {name, *needed}

apps = [one for one in ("dcr_models", "dcr_admin") if one in (name, *needed)]
if name == "django_celery_results":
    apps[0] = name
settings.configure(
    SECRET_KEY="smoke",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        *apps,
    ],
    DJANGO_CELERY_RESULTS_ID_FIRST_URLS=False,
)
django.setup()
package = import_module(name)
modules = [module.name for module in walk_packages(package.__path__, f"{name}.")]
assert modules
for module in modules:
    import_module(module)
