from django.db import migrations, models

from dcr_models import conf

TASK_STATES = ["FAILURE", "PENDING", "RECEIVED", "RETRY", "REVOKED", "STARTED", "SUCCESS"]


class Migration(migrations.Migration):
    """Create the table of group results, and name the indexes.

    The columns that 0004 to 0006 indexed lose those indexes and get them back under names that no
    longer depend on how Django derives one.
    """

    dependencies = [("django_celery_results", "0008_chordcounter")]

    operations = [
        migrations.CreateModel(
            name="GroupResult",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "group_id",
                    models.CharField(
                        help_text="Celery's id of the group",
                        max_length=conf.task_id_max_length(),
                        unique=True,
                        verbose_name="group ID",
                    ),
                ),
                (
                    "date_created",
                    models.DateTimeField(
                        auto_now_add=True,
                        help_text="When the row was first written",
                        verbose_name="created at",
                    ),
                ),
                (
                    "date_done",
                    models.DateTimeField(
                        auto_now=True,
                        help_text="When the group was last saved",
                        verbose_name="completed at",
                    ),
                ),
                (
                    "content_type",
                    models.CharField(
                        help_text="MIME type of the stored value", max_length=128, verbose_name="result content type"
                    ),
                ),
                (
                    "content_encoding",
                    models.CharField(
                        help_text="Text encoding of the stored value; “binary” means base64",
                        max_length=64,
                        verbose_name="result encoding",
                    ),
                ),
                (
                    "result",
                    models.TextField(
                        default=None,
                        editable=False,
                        help_text="The value in encoded form; content type and encoding tell how to read it",
                        null=True,
                        verbose_name="result data",
                    ),
                ),
            ],
            options={
                "verbose_name": "group result",
                "verbose_name_plural": "group results",
                "ordering": ["-date_done"],
            },
        ),
        migrations.AlterField(
            model_name="chordcounter",
            name="group_id",
            field=models.CharField(
                help_text="Celery's id of the chord's header group",
                max_length=conf.task_id_max_length(),
                unique=True,
                verbose_name="group ID",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="date_created",
            field=models.DateTimeField(
                auto_now_add=True, help_text="When the row was first written", verbose_name="created at"
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="date_done",
            field=models.DateTimeField(
                auto_now=True,
                help_text="When the row was last written: for a finished task, when it finished",
                verbose_name="completed at",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="status",
            field=models.CharField(
                choices=[(state, state) for state in TASK_STATES],
                default="PENDING",
                help_text="State that was last reported: one of Celery's, or the task's own",
                max_length=50,
                verbose_name="task state",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="task_id",
            field=models.CharField(
                help_text="Celery's id of the task",
                max_length=conf.task_id_max_length(),
                unique=True,
                verbose_name="task ID",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="task_name",
            field=models.CharField(
                help_text="Registered name of the task",
                max_length=conf.task_id_max_length(),
                null=True,
                verbose_name="task name",
            ),
        ),
        migrations.AlterField(
            model_name="taskresult",
            name="worker",
            field=models.CharField(
                default=None,
                help_text="Node name of the worker that ran the task",
                max_length=100,
                null=True,
                verbose_name="worker",
            ),
        ),
        # Release 2.1.0 created these three, on columns that are unique anyway. Databases that it made have
        # them, later ones do not, so here they exist in the state alone; 0010 removes them from both.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddIndex(
                    model_name="chordcounter",
                    index=models.Index(fields=["group_id"], name="django_cele_group_i_299b0d_idx"),
                ),
                migrations.AddIndex(
                    model_name="taskresult",
                    index=models.Index(fields=["task_id"], name="django_cele_task_id_7f8fca_idx"),
                ),
                migrations.AddIndex(
                    model_name="groupresult",
                    index=models.Index(fields=["group_id"], name="django_cele_group_i_3cddec_idx"),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="taskresult",
            index=models.Index(fields=["task_name"], name="django_cele_task_na_08aec9_idx"),
        ),
        migrations.AddIndex(
            model_name="taskresult",
            index=models.Index(fields=["status"], name="django_cele_status_9b6201_idx"),
        ),
        migrations.AddIndex(
            model_name="taskresult",
            index=models.Index(fields=["worker"], name="django_cele_worker_d54dd8_idx"),
        ),
        migrations.AddIndex(
            model_name="taskresult",
            index=models.Index(fields=["date_created"], name="django_cele_date_cr_f04a50_idx"),
        ),
        migrations.AddIndex(
            model_name="taskresult",
            index=models.Index(fields=["date_done"], name="django_cele_date_do_f59aad_idx"),
        ),
        migrations.AddIndex(
            model_name="groupresult",
            index=models.Index(fields=["date_created"], name="django_cele_date_cr_bd6c1d_idx"),
        ),
        migrations.AddIndex(
            model_name="groupresult",
            index=models.Index(fields=["date_done"], name="django_cele_date_do_caae0e_idx"),
        ),
    ]
