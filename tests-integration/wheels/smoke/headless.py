"""What sends a task to the worker and reads its result, where there is neither admin nor HTTP."""

import sys
from importlib.metadata import entry_points
from importlib.util import find_spec

import django

django.setup()

from shop.celery import app  # noqa: E402

assert not any(find_spec(name) for name in ("dcr_admin", "dcr_http", "django_celery_results"))
backends = {entry.name: entry.value for entry in entry_points(group="celery.result_backends")}
assert backends == {
    "django-db": "dcr_backends.database:DatabaseBackend",
    "django-cache": "dcr_backends.cache:CacheBackend",
}

assert app.send_task("shop.tasks.add", (2, 3)).get(timeout=30, interval=0.05) == 5
failure = app.send_task("shop.tasks.fail", ("no tea",)).get(timeout=30, interval=0.05, propagate=False)
assert repr(failure) == "ValueError('no tea')"
total = (app.signature("shop.tasks.add", (1, 1)) | app.signature("shop.tasks.add", (1,))).apply_async()
assert total.get(timeout=30, interval=0.05) == 3

loaded = app.send_task("shop.tasks.loaded_modules").get(timeout=30, interval=0.05)
for modules in (sys.modules, loaded):
    assert "dcr_backends.database" in modules
    assert "django.contrib.admin" not in modules
