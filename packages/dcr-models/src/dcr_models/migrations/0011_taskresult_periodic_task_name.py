from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the schedule entry that sent the task."""

    dependencies = [("django_celery_results", "0010_remove_duplicate_indices")]

    operations = [
        migrations.AddField(
            model_name="taskresult",
            name="periodic_task_name",
            field=models.CharField(
                help_text="The schedule entry that sent the task",
                max_length=255,
                null=True,
                verbose_name="periodic task name",
            ),
        ),
    ]
