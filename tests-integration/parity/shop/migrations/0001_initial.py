"""The table of OrderResult."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Create it."""

    initial = True
    dependencies = [("django_celery_results", "0014_alter_taskresult_status")]
    operations = [
        migrations.CreateModel(
            name="OrderResult",
            fields=[
                (
                    "taskresult_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="django_celery_results.taskresult",
                    ),
                ),
                ("shop", models.CharField(default="main street", max_length=20)),
            ],
            bases=("django_celery_results.taskresult",),
        )
    ]
