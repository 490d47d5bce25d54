from django.db import migrations, models

from dcr_models import conf


class Migration(migrations.Migration):
    """Create the table of chord counters."""

    dependencies = [("django_celery_results", "0007_remove_taskresult_hidden")]

    operations = [
        migrations.CreateModel(
            name="ChordCounter",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "group_id",
                    models.CharField(
                        db_index=True,
                        help_text="Celery's id of the chord's header group",
                        max_length=conf.task_id_max_length(),
                        unique=True,
                        verbose_name="group ID",
                    ),
                ),
                (
                    "sub_tasks",
                    models.TextField(
                        help_text="The header's results as a JSON list of tuples; group_result() reads it"
                    ),
                ),
                ("count", models.PositiveIntegerField(help_text="Parts of the header that have still to return")),
            ],
        ),
    ]
