"""A project that only keeps and reads results: tables, rows, translations."""

import django
from django.conf import settings
from django.core.management import call_command
from django.utils import translation

settings.configure(
    INSTALLED_APPS=["dcr_models"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
)
django.setup()

from dcr_models.models import TaskResult  # noqa: E402

call_command("migrate", verbosity=0)
call_command("makemigrations", "--check", "--dry-run", verbosity=0)
call_command("check", databases=["default"], fail_level="WARNING", verbosity=0)

TaskResult.objects.store_result("application/json", "utf-8", "an id", "5", "SUCCESS", task_name="add")
row = TaskResult.objects.get_task("an id")
assert (row.status, row.result, row.task_name) == ("SUCCESS", "5", "add")

names = {}
for language in ("en", "es", "pt-br", "ru", "zh-hans"):
    with translation.override(language):
        names[language] = str(TaskResult._meta.verbose_name)
assert names["en"] == "task result"
assert len(set(names.values())) == len(names), names
