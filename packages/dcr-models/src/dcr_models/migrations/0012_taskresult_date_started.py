from django.db import migrations, models


class Migration(migrations.Migration):
    """Add when the task was first reported as started."""

    dependencies = [("django_celery_results", "0011_taskresult_periodic_task_name")]

    operations = [
        migrations.AddField(
            model_name="taskresult",
            name="date_started",
            field=models.DateTimeField(
                default=None,
                help_text="When a worker first reported the task as started",
                null=True,
                verbose_name="started at",
            ),
        ),
    ]
