"""A project that shows results in Django's admin, and writes none."""

import django
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
        "django.contrib.sessions",
        "dcr_models",
        "dcr_admin",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
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
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    STATIC_URL="static/",
    USE_TZ=True,
)
django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402

from dcr_models.models import GroupResult, TaskResult  # noqa: E402

urlpatterns = [path("admin/", admin.site.urls)]

call_command("check", fail_level="WARNING", verbosity=0)
call_command("migrate", verbosity=0)
task = TaskResult.objects.create(task_id="a task", task_name="make.tea", status="SUCCESS", result="5")
group = GroupResult.objects.create(group_id="a group")

client = Client()
client.force_login(User.objects.create_superuser("boss"))
for row, shown in ((task, "make.tea"), (group, "a group")):
    for page in ("", f"{row.pk}/change/"):
        response = client.get(f"/admin/django_celery_results/{row._meta.model_name}/{page}")
        assert response.status_code == 200
        assert shown in response.content.decode()
