"""A project that answers questions about results that some other backend keeps; it has no database."""

import django
from celery import Celery
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    DJANGO_CELERY_RESULTS_ID_FIRST_URLS=False,
    INSTALLED_APPS=[],
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [path("celery/", include("dcr_http.urls"))]

app = Celery("smoke", broker="memory://", backend="cache+memory://", set_as_current=True)
app.backend.store_result("a-task", 5, "SUCCESS")

call_command("check", fail_level="WARNING", verbosity=0)
response = Client().get("/celery/task/status/a-task/")
assert response.status_code == 200
assert response.json() == {"task": {"id": "a-task", "status": "SUCCESS", "result": 5}}
