from django.db import migrations, models

from dcr_models import conf

TASK_STATES = ["FAILURE", "PENDING", "RECEIVED", "RETRY", "REVOKED", "STARTED", "SUCCESS"]


class Migration(migrations.Migration):
    """Create the table of task results."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="TaskResult",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "task_id",
                    models.CharField(max_length=conf.task_id_max_length(), unique=True, verbose_name="task ID"),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[(state, state) for state in TASK_STATES],
                        default="PENDING",
                        max_length=50,
                        verbose_name="task state",
                    ),
                ),
                ("content_type", models.CharField(max_length=128, verbose_name="result content type")),
                ("content_encoding", models.CharField(max_length=64, verbose_name="result encoding")),
                ("result", models.TextField(default=None, editable=False, null=True, verbose_name="result data")),
                ("date_done", models.DateTimeField(auto_now=True, verbose_name="completed at")),
                ("traceback", models.TextField(blank=True, null=True, verbose_name="traceback")),
                ("hidden", models.BooleanField(db_index=True, default=False, editable=False)),
                (
                    "meta",
                    models.TextField(default=None, editable=False, null=True, verbose_name="task meta information"),
                ),
            ],
            options={"verbose_name": "task result", "verbose_name_plural": "task results"},
        ),
    ]
