from typing import Any

from django.db import migrations, models
from django.utils import timezone


def fill_from_date_done(apps: Any, schema_editor: Any) -> None:
    """Give rows from before the column the only time that is known of them."""
    task_results = apps.get_model("django_celery_results", "TaskResult")
    task_results.objects.using(schema_editor.connection.alias).update(date_created=models.F("date_done"))


class Migration(migrations.Migration):
    """Add when a row was first written."""

    dependencies = [("django_celery_results", "0005_taskresult_worker")]

    operations = [
        migrations.AddField(
            model_name="taskresult",
            name="date_created",
            field=models.DateTimeField(
                auto_now_add=True,
                db_index=True,
                default=timezone.now,
                help_text="When the row was first written",
                verbose_name="created at",
            ),
            preserve_default=False,
        ),
        # Backwards the column goes, and nothing else is touched.
        migrations.RunPython(fill_from_date_done, migrations.RunPython.noop),
    ]
