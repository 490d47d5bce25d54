"""A project of 2.x: the old name in INSTALLED_APPS, in imports and in URLs."""

import django
from celery import Celery
from django.conf import settings
from django.core.management import call_command

settings.configure(
    SECRET_KEY="smoke",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django_celery_results",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DJANGO_CELERY_RESULTS_ID_FIRST_URLS=False,
    USE_TZ=True,
)
app = Celery("smoke", broker="memory://", backend="django-db", set_as_current=True)
django.setup()

from django.contrib import admin  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import include, path, reverse  # noqa: E402

from django_celery_results import VERSION, __version__  # noqa: E402
from django_celery_results.admin import GroupResultAdmin, TaskResultAdmin  # noqa: E402
from django_celery_results.backends import CacheBackend, DatabaseBackend  # noqa: E402
from django_celery_results.managers import TaskResultManager, transaction_retry  # noqa: E402, F401
from django_celery_results.models import ChordCounter, GroupResult, TaskResult  # noqa: E402, F401
from django_celery_results.utils import now  # noqa: E402, F401
from django_celery_results.views import task_status  # noqa: E402, F401

urlpatterns = [path("celery/", include("django_celery_results.urls"))]

assert __version__ == ".".join(map(str, VERSION[:3]))
call_command("migrate", "django_celery_results", verbosity=0)
call_command("makemigrations", "--check", "--dry-run", verbosity=0)
admin.autodiscover()
assert isinstance(admin.site._registry[TaskResult], TaskResultAdmin)
assert isinstance(admin.site._registry[GroupResult], GroupResultAdmin)

assert isinstance(app.backend, DatabaseBackend)
assert isinstance(Celery("cached", backend="django-cache", set_as_current=False).backend, CacheBackend)
app.backend.store_result("a-task", {"tea": "hot"}, "SUCCESS")
assert TaskResult.objects.get_task("a-task").as_dict()["result"] == '{"tea": "hot"}'
assert isinstance(TaskResult.objects, TaskResultManager)

response = Client().get(reverse("celery-task_status", args=["a-task"]))
assert response.json() == {"task": {"id": "a-task", "status": "SUCCESS", "result": {"tea": "hot"}}}
