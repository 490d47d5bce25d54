from django.db import migrations, models


class Migration(migrations.Migration):
    """Let the state be any text: tasks report states of their own."""

    dependencies = [("django_celery_results", "0013_taskresult_django_cele_periodi_1993cf_idx")]

    operations = [
        migrations.AlterField(
            model_name="taskresult",
            name="status",
            field=models.CharField(
                default="PENDING",
                help_text="State that was last reported: one of Celery's, or the task's own",
                max_length=50,
                verbose_name="task state",
            ),
        ),
    ]
