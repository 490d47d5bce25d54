from django.db import migrations, models

from dcr_models import conf

TASK_STATES = ["FAILURE", "PENDING", "RECEIVED", "RETRY", "REVOKED", "STARTED", "SUCCESS"]


class Migration(migrations.Migration):
    """Index what people look results up by, and describe the columns.

    ``hidden`` has had its index since 0001; ``task_id`` has one because it is unique.
    """

    dependencies = [("django_celery_results", "0003_auto_20181106_1101")]

    operations = [
        migrations.AlterField(
            model_name="taskresult",
            name="content_encoding",
            field=models.CharField(
                help_text="Text encoding of the stored value; “binary” means base64",
                max_length=64,
                verbose_name="result encoding",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="content_type",
            field=models.CharField(
                help_text="MIME type of the stored value", max_length=128, verbose_name="result content type"
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="date_done",
            field=models.DateTimeField(
                auto_now=True,
                db_index=True,
                help_text="When the row was last written: for a finished task, when it finished",
                verbose_name="completed at",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="hidden",
            field=models.BooleanField(
                db_index=True, default=False, editable=False, help_text="Left out of listings", verbose_name="hidden"
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="meta",
            field=models.TextField(
                default=None,
                editable=False,
                help_text="Encoded like the result: child tasks and what the task put into its request's meta",
                null=True,
                verbose_name="task meta information",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="result",
            field=models.TextField(
                default=None,
                editable=False,
                help_text="The value in encoded form; content type and encoding tell how to read it",
                null=True,
                verbose_name="result data",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="status",
            field=models.CharField(
                choices=[(state, state) for state in TASK_STATES],
                db_index=True,
                default="PENDING",
                help_text="State that was last reported: one of Celery's, or the task's own",
                max_length=50,
                verbose_name="task state",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="task_args",
            field=models.TextField(
                help_text="Positional arguments in encoded form, as the sender let them be shown",
                null=True,
                verbose_name="task positional arguments",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="task_id",
            field=models.CharField(
                db_index=True,
                help_text="Celery's id of the task",
                max_length=conf.task_id_max_length(),
                unique=True,
                verbose_name="task ID",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="task_kwargs",
            field=models.TextField(
                help_text="Named arguments in encoded form, as the sender let them be shown",
                null=True,
                verbose_name="task named arguments",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="task_name",
            field=models.CharField(
                db_index=True,
                help_text="Registered name of the task",
                max_length=conf.task_id_max_length(),
                null=True,
                verbose_name="task name",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="traceback",
            field=models.TextField(
                blank=True,
                help_text="Traceback of the exception that the task raised",
                null=True,
                verbose_name="traceback",
            ),
        ),
    ]
